"""Doubly stochastic weights on a topology."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, eye_array

from udsgd_mpi.graphs import Graph


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
        return np.asarray(self.sparse().toarray()).reshape(agents, agents)

    def sparse(self) -> csr_array:
        """W as a scipy sparse array, shape (N, N)."""
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
    return _compress(csr_array((values, (i, j)), shape=(n, n)))


def lazy(weights: Weights) -> Weights:
    """(I + W) / 2, which contracts on every connected topology.

    Metropolis–Hastings weights leave no self-weight on a regular bipartite topology (two agents,
    a ring of even length): there W has the eigenvalue −1 and never brings the agents together.
    """
    half = (eye_array(len(weights)) + weights.sparse()) / 2
    return _compress(csr_array(half))


def _compress(matrix: csr_array) -> Weights:
    matrix.sort_indices()
    return Weights(matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32), matrix.data)
