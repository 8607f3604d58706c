"""Doubly stochastic weights on a topology."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.graphs import Graph

if TYPE_CHECKING:
    from scipy.sparse import csr_array


@dataclass(frozen=True)
class Weights:
    """A sparse doubly stochastic W in compressed rows, columns ascending.

    Row i says how agent i combines the half-steps: θ^i ← Σ_k values[k] θ^{columns[k]} over
    offsets[i] ≤ k < offsets[i + 1], itself among them.
    """

    offsets: NDArray[np.int64]
    columns: NDArray[np.int32]
    values: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def matrix(self, agents: int) -> NDArray[np.float64]:
        """W, shape (agents, agents)."""
        W = np.zeros((agents, agents))
        W[self.rows, self.columns] = self.values
        return W

    @property
    def rows(self) -> NDArray[np.int64]:
        """Row of each value."""
        return np.repeat(np.arange(len(self)), np.diff(self.offsets))

    def sparse(self) -> "csr_array":
        """W as a scipy sparse array, shape (N, N)."""
        from scipy.sparse import csr_array

        n = len(self)
        return csr_array((self.values, self.columns, self.offsets), shape=(n, n))


def metropolis(topology: Graph) -> Weights:
    """Metropolis–Hastings weights: w_ij = min(1/d_i, 1/d_j) and w_ii = 1 − Σ_j w_ij.

    They are symmetric, hence doubly stochastic (paper, Appendix F.1).
    """
    degrees = topology.degrees
    tails = np.repeat(np.arange(len(topology)), degrees)
    once = tails < topology.neighbours
    i, j = tails[once], topology.neighbours[once].astype(np.int64)
    return from_edges(len(topology), i, j, 1 / np.maximum(degrees[i], degrees[j]))


def uniform(topology: Graph) -> Weights:
    """Maximum-degree weights: w_ij = 1/(1 + max_k d_k) for neighbours, the rest on the diagonal.

    On the complete graph this is J.
    """
    tails = np.repeat(np.arange(len(topology)), topology.degrees)
    once = tails < topology.neighbours
    i, j = tails[once], topology.neighbours[once].astype(np.int64)
    weight = 1 / (1 + topology.degrees.max())
    return from_edges(len(topology), i, j, np.full(len(i), weight))


def from_edges(
    n: int, i: NDArray[np.int64], j: NDArray[np.int64], values: NDArray[np.float64]
) -> Weights:
    """Symmetric weights of n agents: each edge {i, j} has its value, what is missing is w_ii."""
    given = np.bincount(i, values, n) + np.bincount(j, values, n)
    own = np.maximum(0, 1 - given)  # rounding must not make a weight negative
    rows = np.concatenate([i, j, np.arange(n)])
    columns = np.concatenate([j, i, np.arange(n)])
    return from_entries(n, rows, columns, np.concatenate([values, values, own]))


def from_entries(
    n: int, i: NDArray[np.int64], j: NDArray[np.int64], values: NDArray[np.float64]
) -> Weights:
    """Weights of n agents from the entries of W; those of one place add up."""
    places, where = np.unique(i * n + j, return_inverse=True)
    rows, columns = np.divmod(places, n)
    offsets = np.searchsorted(rows, np.arange(n + 1)).astype(np.int64)
    return Weights(offsets, columns.astype(np.int32), np.bincount(where, values).astype(np.float64))


def lazy(weights: Weights) -> Weights:
    """(I + W) / 2, which contracts on every connected topology.

    Metropolis–Hastings weights leave no self-weight on a regular bipartite topology (two agents,
    a ring of even length): there W has the eigenvalue −1 and never brings the agents together.
    """
    n = len(weights)
    diagonal = np.arange(n)
    return from_entries(
        n,
        np.append(weights.rows, diagonal),
        np.append(weights.columns, diagonal),
        np.append(weights.values / 2, np.full(n, 0.5)),
    )
