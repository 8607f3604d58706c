"""Undirected graphs in compressed rows: the form in which walks and mixing read them."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.graphs.parts import label_parts
from udsgd_mpi.support.digests import digest
from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.support.lazy import lazy_module

if TYPE_CHECKING:
    import networkx as nx
else:
    nx = lazy_module("networkx")


@dataclass(frozen=True)
class Graph:
    """A connected simple undirected graph on the nodes 0, …, n − 1.

    Arc k of node i, for offsets[i] ≤ k < offsets[i + 1], leads from i to neighbours[k];
    the neighbours of a node ascend.

    Attributes
    ----------
    offsets
        Shape (n + 1,).
    neighbours
        Shape (2 · edges,).
    """

    offsets: NDArray[np.int64]
    neighbours: NDArray[np.int32]

    @classmethod
    def of_edges(cls, n: int, i: NDArray[np.int64], j: NDArray[np.int64]) -> "Graph":
        """The graph on n nodes with the edges {i, j}; it need not be connected.

        Self-loops go, and of edges that come again, in either direction, one stays.
        """
        other = i != j
        i, j = i[other], j[other]
        arcs = np.sort(np.concatenate([i * n + j, j * n + i]))
        tails, heads = np.divmod(arcs[np.diff(arcs, prepend=-1) > 0], n)
        offsets = np.searchsorted(tails, np.arange(n + 1)).astype(np.int64)
        return cls(offsets, heads.astype(np.int32))

    def connected(self, name: str) -> "Graph":
        """The graph itself, checked.

        Raises
        ------
        ConfigurationError
            If it is not connected; ``name`` says which graph it is.
        """
        parts, part = self._parts()
        if parts != 1:
            smallest = np.bincount(part).min() if parts else 0
            raise ConfigurationError(
                f"{name}: expected a connected graph, got {parts} parts (the smallest has "
                f"{smallest} of {len(self)} nodes); join the parts or keep the largest one"
            )
        return self

    @property
    def is_connected(self) -> bool:
        """Whether there is a way between any two nodes."""
        return self._parts()[0] == 1

    def largest_part(self) -> NDArray[np.int64]:
        """Nodes of the largest connected part, ascending."""
        _, part = self._parts()
        return np.flatnonzero(part == np.argmax(np.bincount(part, minlength=1)))

    def core(self, k: int) -> NDArray[np.int64]:
        """Nodes of the k-core, ascending: the largest induced graph with degrees of k or more."""
        nodes, graph = np.arange(len(self)), self
        while (few := graph.degrees < k).any():
            nodes = nodes[~few]
            graph = self.induced(nodes)
        return nodes

    def _parts(self) -> tuple[int, NDArray[np.int32]]:
        """Number of connected parts, and that of each node."""
        part = np.empty(len(self), dtype=np.int32)
        return label_parts(self.offsets, self.neighbours, part), part

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @cached_property
    def degrees(self) -> NDArray[np.int64]:
        """Number of neighbours of each node, shape (n,)."""
        return np.diff(self.offsets)

    @property
    def edges(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Ends i < j of each edge once, in order of (i, j), shape (edges,) each."""
        tails = np.repeat(np.arange(len(self)), self.degrees)
        once = tails < self.neighbours
        return tails[once], self.neighbours[once].astype(np.int64)

    @property
    def directed(self) -> bool:
        """Whether some of its arcs have none back, see ``Digraph``."""
        return False

    @property
    def arcs(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Tail and head of each arc, in order of (tail, head), shape (arcs,) each."""
        tails = np.repeat(np.arange(len(self)), self.degrees)
        return tails, self.neighbours.astype(np.int64)

    @property
    def mean_degree(self) -> float:
        """Mean number of neighbours."""
        return len(self.neighbours) / len(self)

    @cached_property
    def digest(self) -> str:
        """Distinguishes this graph from any other."""
        return digest(self.offsets, self.neighbours)

    @property
    def nbytes(self) -> int:
        """Memory of the arrays."""
        return self.offsets.nbytes + self.neighbours.nbytes

    def induced(self, nodes: NDArray[np.int64]) -> "Graph":
        """Sub-graph on some nodes, renamed in ascending order."""
        kept = np.sort(nodes)
        place = np.full(len(self), -1, dtype=np.int32)
        place[kept] = np.arange(len(kept))
        first, degrees = self.offsets[kept], self.degrees[kept]
        arcs = np.repeat(first - np.cumsum(degrees) + degrees, degrees) + np.arange(degrees.sum())
        tails, heads = np.repeat(np.arange(len(kept)), degrees), place[self.neighbours[arcs]]
        inside = heads >= 0
        offsets = np.append(0, np.cumsum(np.bincount(tails[inside], minlength=len(kept))))
        return Graph(offsets.astype(np.int64), heads[inside])

    def to_networkx(self) -> "nx.Graph":
        """The same graph for networkx."""
        tails = np.repeat(np.arange(len(self)), self.degrees)
        graph = nx.empty_graph(len(self))
        graph.add_edges_from(zip(tails.tolist(), self.neighbours.tolist(), strict=True))
        return graph

    def diameter(self) -> int:
        """Greatest number of edges between two nodes."""
        return int(nx.diameter(self.to_networkx()))

    def reverse_arcs(self) -> NDArray[np.int64]:
        """For each arc from i to j the arc from j to i, shape (2 · edges,)."""
        by_head_then_tail = np.argsort(self.neighbours, kind="stable")
        reverse = np.empty_like(by_head_then_tail)
        reverse[by_head_then_tail] = np.arange(len(reverse))
        return reverse
