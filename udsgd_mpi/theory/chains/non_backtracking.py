"""The non-backtracking walk."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.graphs import Graph
from udsgd_mpi.theory.chains.solving import solve

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class NonBacktrackingChain:
    """The non-backtracking walk on the arcs of a graph; an arc shows the point at its head.

    Its law is uniform on the arcs. With S_j = Σ_k M(j → k), Poisson's equation reads

        M(i → j) + b_j M(j → i) = G(j) + s_j S_j,

    where s_j = b_j = 1/(deg j − 1), or s_j = 1 and b_j = 0 at a node of degree 1. The equations of
    i → j and j → i give both M by S, unless b_i b_j = 1, which is where both degrees are 2. So the
    unknowns are S and those M: a sparse system hardly larger than the graph.
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
        from scipy.sparse import csc_array

        graph = self.graph
        if (graph.degrees == 2).all():
            return self._along_the_cycle(G)
        n, arcs = len(graph), len(graph.neighbours)
        tails, heads = np.repeat(np.arange(n), graph.degrees), graph.neighbours
        reverse = graph.reverse_arcs()
        leaf = graph.degrees == 1
        s = np.where(leaf, 1, 1 / np.maximum(1, graph.degrees - 1))
        b = np.where(leaf, 0, s)
        determinant = 1 - b[tails] * b[heads]
        kept = np.flatnonzero(determinant == 0)
        gone = np.flatnonzero(determinant != 0)
        place = np.zeros(arcs, dtype=np.int64)
        place[kept] = n + np.arange(len(kept))
        i, j, scale = tails[gone], heads[gone], 1 / determinant[gone]
        node, own = np.arange(n), place[kept]
        entries = (
            (node, node, np.ones(n)),
            (i, i, b[j] * s[i] * scale),
            (i, j, -s[j] * scale),
            (tails[kept], own, -np.ones(len(kept))),
            (own, own, np.ones(len(kept))),
            (own, place[reverse[kept]], b[heads[kept]]),
            (own, heads[kept], -s[heads[kept]]),
        )
        rows, columns, values = (np.concatenate(part) for part in zip(*entries, strict=True))
        size = n + len(kept)
        right = np.zeros((size, G.shape[1]))
        np.add.at(right, i, (G[gone] - b[j, None] * G[reverse[gone]]) * scale[:, None])
        right[n:] = G[kept]
        # The sum of all equations is 0 = 0: instead of the first let S of node 0 be 0.
        rest = rows != 0
        rows, columns = np.append(rows[rest], 0), np.append(columns[rest], 0)
        matrix = csc_array((np.append(values[rest], 1.0), (rows, columns)), shape=(size, size))
        right[0] = 0
        solved = solve(matrix, right)
        M = np.empty_like(G)
        M[kept] = solved[n:]
        by_head = G[gone] + s[j, None] * solved[j]
        by_tail = G[reverse[gone]] + s[i, None] * solved[i]
        M[gone] = (by_head - b[j, None] * by_tail) * scale[:, None]
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
        points = np.zeros((len(self.graph), M.shape[1]))
        np.add.at(points, self.graph.neighbours, M / len(M))
        return points

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
