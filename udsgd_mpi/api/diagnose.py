"""Diagnoses of samplers from Python."""

from collections.abc import Mapping
from os import PathLike
from typing import TYPE_CHECKING, Any, NamedTuple

from udsgd_mpi.api.as_before import as_before
from udsgd_mpi.api.plan import sampler_of
from udsgd_mpi.support.errors import ConfigurationError

if TYPE_CHECKING:
    from udsgd_mpi.forecast.diagnosis import Diagnosis
    from udsgd_mpi.graphs import Graph
    from udsgd_mpi.graphs.ground import Ground
    from udsgd_mpi.graphs.source import GraphSource
    from udsgd_mpi.samplers import Sampler


def diagnose(
    sampler: "Sampler | str | Mapping[str, Any]",
    graph: "GraphSource | str | PathLike[str] | Mapping[str, Any] | None" = None,
    points: int | None = None,
    *,
    steps: int = 10_000,
    trials: int = 100,
    seed: int = 1,
) -> "Diagnosis":
    """How well a sampler explores its points.

    Parameters
    ----------
    sampler, graph
        Settings, or names; of a graph also the path of a file. A sampler that does not walk on a
        graph needs none.
    points
        Number of points of a generated graph, or of a sampler without one.
    steps, trials
        Length and number of the paths that are sampled.

    Raises
    ------
    ConfigurationError
        If something is wrong with them, or too large.

    Examples
    --------
    >>> diagnose("srrw", "small_world", 200).spectral_gap
    >>> diagnose(SRRW(alpha=20), SmallWorld(k=6), 200).relative_variance
    """
    with as_before():
        chosen = sampler_of(sampler, "sampler")
        drawn = None if graph is None else graph_of(graph, points, seed)
        return diagnosed(explored(chosen, drawn, points), steps, trials, seed)


class Explored(NamedTuple):
    """A sampler, the number of its points, and what it needs beside them."""

    sampler: "Sampler"
    points: int
    graph: "Ground | None"


def explored(sampler: "Sampler", graph: "Graph | None", points: int | None) -> Explored:
    """What is to be diagnosed.

    Raises
    ------
    ConfigurationError
        If the sampler lacks a graph, a number of points, or a file of its own that fits them.
    """
    if graph is None and sampler.on_graph:
        raise ConfigurationError(
            f"diagnose: expected a graph for {sampler.name} to walk on, got none; name a generator"
            " or a file"
        )
    if graph is not None:
        points = len(graph)
    if points is None:
        raise ConfigurationError("diagnose: expected a number of points, e.g. -n 500")
    source = sampler.source(None)
    needed = graph if source is None else source.build(points, 0, sampler.name)
    return Explored(sampler, points, needed)


def diagnosed(what: Explored, steps: int, trials: int, seed: int) -> "Diagnosis":
    """Diagnose a sampler; see ``diagnose``."""
    from udsgd_mpi.experiment.sizes import NUMBER, require_bytes
    from udsgd_mpi.forecast.diagnosis import diagnose as diagnose_on

    points = what.points
    require_bytes({f"--trials = {trials:,} on {points:,} points": trials * points * NUMBER})
    try:
        return diagnose_on(*what, steps, trials, seed)
    except ConfigurationError:
        raise
    except ValueError as error:
        raise ConfigurationError(f"diagnose: {error}") from error


def graph_of(
    said: "GraphSource | str | PathLike[str] | Mapping[str, Any]",
    points: int | None,
    seed: int,
    over: Mapping[str, Any] | None = None,
) -> "Graph":
    """The graph that settings stand for.

    Parameters
    ----------
    over
        Settings that are laid over it.
    """
    from udsgd_mpi.experiment.check import one_of
    from udsgd_mpi.experiment.sizes import BYTES_OF_A_NODE, require_bytes
    from udsgd_mpi.graphs import AnyGraph
    from udsgd_mpi.graphs.in_files import GraphFile
    from udsgd_mpi.graphs.source import GraphSource

    name = str(said) if isinstance(said, PathLike) else said
    source = name if isinstance(name, GraphSource) else one_of(AnyGraph, name, "graph", over)
    if points is None and not isinstance(source, GraphFile):
        raise ConfigurationError(f"graph {name}: expected a number of points, e.g. -n 500")
    require_bytes({f"--points = {points or 0:,}": (points or 0) * BYTES_OF_A_NODE})
    graph: Graph = source.build(points or 0, seed, "graph")
    if points not in (None, len(graph)):
        raise ConfigurationError(
            f"graph {name}: expected {points} points, got {len(graph)}; leave out -n"
        )
    return graph
