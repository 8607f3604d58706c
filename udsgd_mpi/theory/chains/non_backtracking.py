"""The non-backtracking walk."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.graphs import Graph
from udsgd_mpi.theory.chains.pairs_of_arcs import PairsOfArcs

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class NonBacktrackingChain:
    """The non-backtracking walk on the arcs of a graph; an arc shows the point at its head.

    Its law is uniform on the arcs.
    """

    graph: Graph

    def lift(self, G: Floats) -> Floats:
        return G[self.graph.neighbours]

    @property
    def law(self) -> Floats:
        """Uniform on the arcs, shape (arcs,)."""
        arcs = len(self.graph.neighbours)
        return np.full(arcs, 1 / arcs)

    def poisson(self, G: Floats) -> Floats:
        if (self.graph.degrees == 2).all():
            return self._along_the_cycle(G)
        M = self._equations.solved(G)
        return np.asarray(M - M.mean(axis=0))

    def first_step(self, start: Floats) -> Floats:
        graph = self.graph
        return np.asarray(np.repeat(start / graph.degrees, graph.degrees))

    def step(self, masses: Floats) -> Floats:
        graph = self.graph
        arrived = np.bincount(graph.neighbours, masses, minlength=len(graph))
        back = masses[graph.reverse_arcs()]
        degrees = np.repeat(graph.degrees, graph.degrees)
        # From a leaf the only way is back.
        others = np.repeat(arrived, graph.degrees) - np.where(degrees > 1, back, 0)
        return np.asarray(others / np.maximum(1, degrees - 1))

    def on_points(self, M: Floats) -> Floats:
        return np.asarray(self._arrivals @ M) / len(M)

    @cached_property
    def _arrivals(self) -> "csr_array":
        """1 where an arc comes to a node, shape (n, arcs)."""
        from scipy.sparse import csr_array

        arcs = len(self.graph.neighbours)
        places = self.graph.neighbours, np.arange(arcs)
        return csr_array((np.ones(arcs), places), shape=(len(self.graph), arcs))

    @cached_property
    def _equations(self) -> PairsOfArcs:
        return PairsOfArcs.of(self.graph)

    @property
    def backward(self) -> "csr_array":
        from scipy.sparse import csr_array

        graph = self.graph
        following = graph.degrees[graph.neighbours]  # how many arcs begin where each one ends
        arcs = np.repeat(np.arange(len(following)), following)
        place = np.arange(len(arcs)) - np.repeat(np.cumsum(following) - following, following)
        after = graph.offsets[graph.neighbours][arcs] + place
        allowed = (after != graph.reverse_arcs()[arcs]) | (following[arcs] == 1)
        arcs, after = arcs[allowed], after[allowed]
        chances = 1 / np.maximum(1, following - 1)[arcs]
        # The law is uniform, so that time is reversed by a transpose.
        return csr_array((chances, (after, arcs)), shape=(len(following),) * 2)

    def _along_the_cycle(self, G: Floats) -> Floats:
        """On a cycle the walk goes round for ever in its first direction: M is a sum along it."""
        reverse, offsets = self.graph.reverse_arcs(), self.graph.offsets
        M = np.empty_like(G)
        for start in (0, int(reverse[0])):
            order = [start]
            for _ in range(len(self.graph) - 1):
                back = int(reverse[order[-1]])
                node = int(np.searchsorted(offsets, back, side="right")) - 1
                order.append(2 * int(offsets[node]) + 1 - back)
            # M(e) = G(e) + M(next of e).
            sums = np.cumsum(G[order][::-1], axis=0)[::-1]
            M[order] = sums - sums.mean(axis=0)
        return M
