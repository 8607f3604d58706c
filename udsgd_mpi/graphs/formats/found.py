"""What a reader finds in a graph file, before it is made a graph."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.graphs.csr import Graph
from udsgd_mpi.graphs.digraph import graph_of_arcs
from udsgd_mpi.support.natural_order import as_number, natural_order

Indices = NDArray[np.int64]

_MOST_ALONE = 10**6


class NotOfFormat(Exception):  # noqa: N818 - a reader's answer, which may be another's turn
    """A file is not of the format that a reader knows; says what it expected where."""


@dataclass(frozen=True)
class Found:
    """Nodes and edges as they stand in a file.

    Attributes
    ----------
    form
        What the file was read as.
    keys
        What nodes are ordered by: whole numbers, in an array, or names. They differ.
    tails, heads
        The ends of each edge, as places in ``keys``.
    directed
        None where the format does not say.
    dropped
        What is not taken over, besides directions, self-loops and edges that come again.
    names
        What nodes are called where that is not their key.
    """

    form: str
    keys: Indices | Sequence[str]
    tails: Indices
    heads: Indices
    directed: bool | None = None
    dropped: tuple[str, ...] = ()
    names: Sequence[str] | None = None

    def graph(self, *, directed: bool) -> tuple[Graph, Sequence[str] | Indices]:
        """The graph, its nodes in natural order, and their names in that order.

        Parameters
        ----------
        directed
            Whether edges keep their directions, unless the format says that they have none.
        """
        n = len(self.keys)
        names = self.keys if self.names is None else self.names
        if isinstance(self.keys, np.ndarray):
            order = np.argsort(self.keys, kind="stable")
        else:
            order = np.array(natural_order(self.keys), dtype=np.int64)
        place = np.empty(n, dtype=np.int64)
        place[order] = np.arange(n)
        arcs = directed and self.directed is not False
        graph = (graph_of_arcs if arcs else Graph.of_edges)(n, place[self.tails], place[self.heads])
        if isinstance(names, np.ndarray):
            return graph, names[order]
        return graph, [names[i] for i in order.tolist()]

    def lost(self, graph: Graph, *, directed: bool) -> list[str]:
        """What of the file is not in its graph, in words."""
        lost = list(self.dropped)
        other = self.tails != self.heads
        i, j, n = self.tails[other], self.heads[other], len(self.keys)
        loops, edges = len(self.tails) - len(i), len(graph.neighbours) // 2
        again = len(i) - edges
        known = directed and self.directed is not False
        if self.directed or known or (self.directed is None and len(i) >= 2 * edges):
            arcs = np.unique(i * n + j)
            both_ways = len(arcs) == 2 * edges
            if self.directed and not both_ways and not directed:
                lost.append("directions")
            if self.directed or known or both_ways:
                again = len(i) - len(arcs)
        if loops:
            lost.append(_several(loops, "self-loop"))
        if again:
            lost.append(f"{_several(again, 'edge')} that came before")
        return lost


def _several(number: int, what: str) -> str:
    return f"{number:,} {what}{'s' * (number != 1)}"


def numbered(first: int, n: int, edges: int) -> Indices:
    """Keys of n nodes with numbers from ``first`` on.

    Raises
    ------
    NotOfFormat
        If there are far more than this many edges could join.
    """
    if n > 2 * edges + _MOST_ALONE:
        raise NotOfFormat(f"expected nodes joined by edges, got {n:,} nodes and {edges:,} edges")
    return np.arange(first, first + n)


def between_names(
    form: str, pairs: Sequence[tuple[str, str]], nodes: Sequence[str] = (), **how: object
) -> Found:
    """What is found where edges are pairs of names; nodes may be listed first.

    Raises
    ------
    NotOfFormat
        If two names are the same number.
    """
    place: dict[str, int] = {}
    for name in nodes:
        place.setdefault(name, len(place))
    ends = [(place.setdefault(i, len(place)), place.setdefault(j, len(place))) for i, j in pairs]
    check_numbers(place)
    i, j = np.array(ends, dtype=np.int64).reshape(-1, 2).T
    return Found(form, list(place), i, j, **how)  # type: ignore[arg-type]


def check_numbers(names: dict[str, int]) -> None:
    """Refuse names such as 1 and 1.0 side by side, which may be of one node or of two.

    Raises
    ------
    NotOfFormat
        If there are such.
    """
    numbers: dict[object, str] = {}
    for name in names:
        number = as_number(name)
        if number is not None and (other := numbers.setdefault(number, name)) != name:
            raise NotOfFormat(f"expected one name for a node, got {other!r} and {name!r}")
