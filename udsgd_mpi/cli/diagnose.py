"""``udsgd diagnose``."""

from argparse import Namespace

from udsgd_mpi.analysis.layout import aligned
from udsgd_mpi.cli.settings import all_assigned, value_of
from udsgd_mpi.experiment.check import one_of
from udsgd_mpi.experiment.sizes import BYTES_OF_A_NODE, NUMBER, require_bytes
from udsgd_mpi.forecast.diagnosis import diagnose, measured_cost
from udsgd_mpi.graphs import AnyGraph
from udsgd_mpi.graphs.in_files import GraphFile
from udsgd_mpi.samplers import AnySampler
from udsgd_mpi.support.errors import ConfigurationError


def command(arguments: Namespace) -> None:
    """Print how well a sampler explores a graph."""
    sampler = one_of(AnySampler, value_of(arguments.sampler), "sampler")
    name = arguments.graph
    source = one_of(AnyGraph, name, "graph", all_assigned(arguments))
    if arguments.points is None and not isinstance(source, GraphFile):
        raise ConfigurationError(f"graph {name}: expected a number of points, e.g. -n 500")
    points, trials = arguments.points or 0, arguments.trials
    require_bytes({f"--points = {points:,}": points * BYTES_OF_A_NODE})
    graph = source.build(arguments.points or 0, arguments.seed, "graph")
    if arguments.points not in (None, len(graph)):
        raise ConfigurationError(
            f"graph {name}: expected {arguments.points} points, got {len(graph)}; leave out -n"
        )
    require_bytes({f"--trials = {trials:,} on {len(graph):,} points": trials * len(graph) * NUMBER})
    try:
        found = diagnose(sampler, graph, arguments.steps, arguments.trials, arguments.seed)
    except ValueError as error:
        raise ConfigurationError(f"diagnose: {error}") from error
    print(f"{sampler.name} on {len(graph)} points of mean degree {graph.mean_degree:.4g}")
    gap = found.spectral_gap
    print(f"spectral gap 1 − λ₂ = {gap:.4g}, relaxation time {1 / gap:,.0f} steps")
    taken = measured_cost(sampler, len(graph), graph)
    print(f"{taken.nanoseconds:.0f} ns to draw a point, {taken.memory:,} bytes to remember a trial")
    print(f"\nvariance of means over that of independent draws, n = {arguments.steps:,}")
    rows = [["function", "in the limit", "measured", "effective sample size"]]
    for function, limit, measured in zip(
        found.functions, found.relative_variance, found.measured_variance, strict=True
    ):
        size = f"{arguments.steps / measured:,.0f}" if measured > 0 else "∞"
        rows.append([function, f"{limit:.4g}", f"{measured:.4g}", size])
    print(aligned(rows, left=(0,), indent=2))
    print("\ntotal-variation distance of the weighted visits from the uniform law")
    rows = [["n", "distance"]]
    rows += [[f"{n:,}", f"{d:.4f}"] for n, d in zip(found.step, found.distance, strict=True)]
    print(aligned(rows, indent=2))
