"""Poisson's equation of the non-backtracking walk, by a system hardly larger than the graph."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.graphs import Graph
from udsgd_mpi.theory.chains.solving import solver

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class PairsOfArcs:
    """M(i → j) + b_j M(j → i) = G(i → j) + s_j S_j, with S_j = Σ_k M(j → k).

    There s_j = b_j = 1/(deg j − 1), or s_j = 1 and b_j = 0 at a node of degree 1. The equations of
    i → j and j → i give both M by S, unless b_i b_j = 1, which is where both degrees are 2. So the
    unknowns are S and those M.

    Attributes
    ----------
    reverse
        j → i for each arc i → j, shape (arcs,).
    onward, back
        s_j and b_j for each arc, shape (arcs, 1).
    scale
        1/(1 − b_i b_j), or 0 where that is infinite, shape (arcs, 1).
    kept
        The arcs where it is, ascending.
    heads
        j.
    departures
        1 where an arc leaves a node, shape (n, arcs).
    solve
        Gives S and, below, those M.
    """

    reverse: Integers
    onward: Floats
    back: Floats
    scale: Floats
    kept: Integers
    heads: Integers
    departures: "csr_array"
    solve: Callable[[Floats], Floats]

    @classmethod
    def of(cls, graph: Graph) -> "PairsOfArcs":
        """The equations of a graph that is not a cycle."""
        from scipy.sparse import csc_array, csr_array

        n, arcs = len(graph), len(graph.neighbours)
        tails, heads = np.repeat(np.arange(n), graph.degrees), graph.neighbours.astype(np.int64)
        reverse = graph.reverse_arcs()
        leaf = graph.degrees == 1
        s = np.where(leaf, 1, 1 / np.maximum(1, graph.degrees - 1))
        b = np.where(leaf, 0, s)
        determinant = 1 - b[tails] * b[heads]
        kept, gone = np.flatnonzero(determinant == 0), np.flatnonzero(determinant != 0)
        scale = np.zeros(arcs)
        scale[gone] = 1 / determinant[gone]
        place = np.zeros(arcs, dtype=np.int64)
        place[kept] = n + np.arange(len(kept))
        i, j = tails[gone], heads[gone]
        node, own = np.arange(n), place[kept]
        entries = (
            (node, node, np.ones(n)),
            (i, i, b[j] * s[i] * scale[gone]),
            (i, j, -s[j] * scale[gone]),
            (tails[kept], own, -np.ones(len(kept))),
            (own, own, np.ones(len(kept))),
            (own, place[reverse[kept]], b[heads[kept]]),
            (own, heads[kept], -s[heads[kept]]),
        )
        rows, columns, values = (np.concatenate(part) for part in zip(*entries, strict=True))
        # The sum of all equations is 0 = 0: instead of the first let S of node 0 be 0.
        rest = rows != 0
        rows, columns = np.append(rows[rest], 0), np.append(columns[rest], 0)
        size = n + len(kept)
        matrix = csc_array((np.append(values[rest], 1.0), (rows, columns)), shape=(size, size))
        departures = csr_array((np.ones(arcs), (tails, np.arange(arcs))), shape=(n, arcs))
        return cls(
            reverse,
            s[heads, None],
            b[heads, None],
            scale[:, None],
            kept,
            heads,
            departures,
            solver(matrix),
        )

    def solved(self, G: Floats) -> Floats:
        """M, but for a constant, of G whose mean is 0; both of shape (arcs, d)."""
        n = self.departures.shape[0]
        right = np.empty((n + len(self.kept), G.shape[1]))
        right[:n] = self.departures @ (self.scale * (G - self.back * G[self.reverse]))
        right[n:] = G[self.kept]
        right[0] = 0
        solved = self.solve(right)
        onward = G + self.onward * solved[self.heads]
        M = self.scale * (onward - self.back * onward[self.reverse])
        M[self.kept] = solved[n:]
        return M
