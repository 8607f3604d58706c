"""Directed graphs: who tells whom, where some links lead one way only."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.graphs.csr import Graph
from udsgd_mpi.graphs.parts import label_parts
from udsgd_mpi.support.digests import digest
from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.support.lazy import lazy_module

if TYPE_CHECKING:
    import networkx as nx
else:
    nx = lazy_module("networkx")

Nodes = NDArray[np.int64]


@dataclass(frozen=True)
class Digraph(Graph):
    """A simple directed graph; as a ``Graph`` it is what its arcs join, in either direction.

    Attributes
    ----------
    tails, heads
        Ends of each arc once, in order of (tail, head), shape (arcs,) each.
    """

    tails: Nodes
    heads: Nodes

    @property
    def directed(self) -> bool:
        return True

    @property
    def arcs(self) -> tuple[Nodes, Nodes]:
        return self.tails, self.heads

    def connected(self, name: str) -> "Digraph":
        """The graph itself, checked.

        Raises
        ------
        ConfigurationError
            If some node cannot be reached from another; ``name`` says which graph it is.
        """
        for tails, heads, out in (
            (self.tails, self.heads, True),
            (self.heads, self.tails, False),
        ):
            for node in np.flatnonzero(~_reached(len(self), tails, heads))[:1]:
                one, other = (0, node) if out else (node, 0)
                raise ConfigurationError(
                    f"{name}: expected a strongly connected directed graph, with a way from each"
                    f" node to each other, got none from node {one} to node {other}; add links, or"
                    " take its largest strongly connected part"
                )
        return self

    @cached_property
    def digest(self) -> str:
        """Distinguishes this graph from any other."""
        return digest(b"directed", self.tails, self.heads)

    @property
    def nbytes(self) -> int:
        return super().nbytes + self.tails.nbytes + self.heads.nbytes

    def to_networkx(self) -> "nx.DiGraph":
        graph = nx.empty_graph(len(self), create_using=nx.DiGraph)
        graph.add_edges_from(zip(self.tails.tolist(), self.heads.tolist(), strict=True))
        return graph


def graph_of_arcs(n: int, tails: Nodes, heads: Nodes) -> Graph:
    """The graph on n nodes with these arcs: a ``Digraph``, unless all of them lead both ways.

    Self-loops go, and of arcs that come again one stays.
    """
    graph = Graph.of_edges(n, tails, heads)
    other = tails != heads
    arcs = np.unique(tails[other] * n + heads[other])
    if len(arcs) == len(graph.neighbours):
        return graph
    return Digraph(graph.offsets, graph.neighbours, *np.divmod(arcs, n))


def _reached(n: int, tails: Nodes, heads: Nodes) -> NDArray[np.bool_]:
    """Whether there is a way from node 0 to each node, shape (n,)."""
    order = np.argsort(tails, kind="stable")
    offsets = np.searchsorted(tails[order], np.arange(n + 1)).astype(np.int64)
    part = np.empty(n, dtype=np.int32)
    label_parts(offsets, heads[order].astype(np.int32), part)  # from node 0 first, along arcs
    return np.asarray(part == 0)
