"""Undirected graphs in compressed rows: the form in which walks and mixing read them."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.errors import ConfigurationError
from udsgd_mpi.lazy import lazy

if TYPE_CHECKING:
    import networkx as nx
else:
    nx = lazy("networkx")


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
    def from_networkx(cls, graph: "nx.Graph", name: str) -> "Graph":
        """Compress a graph whose nodes are 0, …, n − 1; self-loops and parallel edges go.

        Raises
        ------
        ConfigurationError
            If the graph is not connected; ``name`` says which graph it is.
        """
        simple = nx.Graph(graph)
        simple.remove_edges_from(list(nx.selfloop_edges(simple)))
        parts = list(nx.connected_components(simple))
        if len(parts) != 1:
            raise ConfigurationError(
                f"{name}: expected a connected graph, got {len(parts)} parts (the smallest has "
                f"{min(map(len, parts), default=0)} of {len(simple)} nodes); join the parts or keep"
                " the largest one"
            )
        matrix = nx.to_scipy_sparse_array(simple, nodelist=range(len(simple)), weight=None)
        matrix.sort_indices()
        return cls(matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @cached_property
    def degrees(self) -> NDArray[np.int64]:
        """Number of neighbours of each node, shape (n,)."""
        return np.diff(self.offsets)

    @property
    def mean_degree(self) -> float:
        """Mean number of neighbours."""
        return len(self.neighbours) / len(self)

    @property
    def nbytes(self) -> int:
        """Memory of the arrays."""
        return self.offsets.nbytes + self.neighbours.nbytes

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
        tails = np.repeat(np.arange(len(self), dtype=np.int64), self.degrees)
        by_head_then_tail = np.lexsort((tails, self.neighbours))
        reverse = np.empty_like(by_head_then_tail)
        reverse[by_head_then_tail] = np.arange(len(tails))
        return reverse
