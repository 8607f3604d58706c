"""``udsgd topology``."""

import shlex
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from udsgd_mpi.analysis.image import destination, save
from udsgd_mpi.cli.settings import parameters_assigned, value_of
from udsgd_mpi.communication import DSGD, AnyPattern, Pattern, Schedule, contraction
from udsgd_mpi.communication.dsgd import DIRECTED, SYMMETRIC
from udsgd_mpi.experiment.check import one_of
from udsgd_mpi.experiment.sizes import BYTES_OF_A_NODE, require_bytes
from udsgd_mpi.graphs import AnyGraph, Graph, build_topology
from udsgd_mpi.graphs.files import in_one_line, read_named_graph, write_graph
from udsgd_mpi.graphs.in_files import GraphFile
from udsgd_mpi.graphs.source import GraphSource
from udsgd_mpi.support.destination import Destination, check_destinations
from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.tokens import Token

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_MOST_NAMES = 8


def command(arguments: Namespace) -> None:
    """Print what a topology is like, draw it, and write its edges where asked."""
    figure, edges, made_by = _destinations(arguments)
    name = arguments.source
    source = one_of(AnyGraph, name, "topology", parameters_assigned(arguments))
    agents = arguments.agents
    if agents is not None:
        require_bytes({f"--agents = {agents:,}": agents * BYTES_OF_A_NODE})
        graph = build_topology(source, agents, arguments.seed, "topology")
    elif isinstance(source, GraphFile):
        graph = source.build(0, arguments.seed, "topology")
    else:
        raise ConfigurationError(f"topology {name}: expected a number of agents, e.g. -n 16")
    schedules = _schedules(graph, arguments)
    form, names = _names(source)
    if edges:
        write_graph(graph, edges.path, made_by, names)

    def drawing() -> "Figure":
        from udsgd_mpi.analysis.figures import draw

        return draw(graph, f"{Path(name).stem}, {len(graph)} agents")

    save(drawing, figure, force=arguments.force)
    if form:
        print(f"read as       {form}")
    print(f"agents        {len(graph)}")
    if names:
        shown = ", ".join(f"{i} = {called}" for i, called in enumerate(names[:_MOST_NAMES]))
        more = ", …; --save FILE writes all" if len(names) > _MOST_NAMES else ""
        print(f"agent         {shown}{more}")
    _print_degrees(graph)
    print(f"diameter      {graph.diameter()}")
    found = {what: contraction(schedule, len(graph)) for what, schedule in schedules.items()}
    formulas = {each.formula for each in found.values()}
    print(f"spectral gap of W, 1 − {' or 1 − '.join(sorted(formulas))}:")
    for what, each in found.items():
        print(f"  {what:12}" + ("0 (never contracts)" if each.vanishes else each.gap))
    if edges:
        print(f"edges in      {edges.path}")
    print(f"drawing       {figure.path}")


def _schedules(graph: Graph, arguments: Namespace) -> dict[str, Schedule]:
    """Of ``dsgd`` with each of its weights, and of the pattern that is asked for."""
    patterns: dict[str, Pattern] = {
        weights: DSGD(weights=weights) for weights in (DIRECTED if graph.directed else SYMMETRIC)
    }
    if arguments.pattern is not None:
        pattern = one_of(AnyPattern | Token, value_of(arguments.pattern), "communication")
        if isinstance(pattern, Token):
            raise ConfigurationError(
                "--pattern: expected one that mixes by W, which has a spectral gap, got token,"
                " whose models walk; leave it out"
            )
        pattern.check_topology(graph)
        patterns["--pattern"] = pattern
    return {what: pattern.start(graph, arguments.seed) for what, pattern in patterns.items()}


def _print_degrees(graph: Graph) -> None:
    if not graph.directed:
        print(f"edges         {len(graph.neighbours) // 2}")
        degrees = graph.degrees
        print(f"degree        {degrees.min()} to {degrees.max()}, mean {graph.mean_degree:.4g}")
        return
    tails, heads = graph.arcs
    print(f"edges         {len(tails)}, directed")
    print(f"mean degree   {len(tails) / len(graph):.4g}")
    for ends, what in ((tails, "out-degree"), (heads, "in-degree")):
        degrees = np.bincount(ends, minlength=len(graph))
        print(f"{what:14}{degrees.min()} to {degrees.max()}")


def _names(source: GraphSource) -> tuple[str | None, list[str]]:
    """How a file was read, and what its agents are called if that is not 0, …, n − 1."""
    if not isinstance(source, GraphFile):
        return None, []
    named = read_named_graph(source.file, directed=source.directed)
    names = [in_one_line(name) for name in named.names]
    return named.form, [] if names == [str(i) for i in range(len(names))] else names


def _destinations(arguments: Namespace) -> tuple[Destination, Destination | None, str]:
    """The drawing, the edge list where one is asked for, and the command that makes it.

    A drawing replaces earlier ones of its source, an edge list those that the same command made.
    """
    name = arguments.source
    path = Path(name)
    base = path.stem if path.suffix[1:].isalpha() else path.name
    figure = destination(arguments.figure or Path(f"{base}.png"), f"topology {name}")
    command = ["udsgd", "topology", name, "--seed", str(arguments.seed)]
    command += [] if arguments.agents is None else ["-n", str(arguments.agents)]
    made_by = shlex.join(command + [word for each in arguments.set for word in ("--set", each)])
    edges = None
    if arguments.save:
        mark = f": {made_by}\n".encode()
        edges = Destination(f"--save {arguments.save}", arguments.save, mark)
    destinations = [figure, edges] if edges else [figure]
    check_destinations(destinations, {f"the graph file {name}": path}, force=arguments.force)
    return figure, edges, made_by
