"""Doubly stochastic weights on a topology, and how fast they contract."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, eye_array
from scipy.sparse.linalg import LinearOperator, svds

from udsgd_mpi.graphs import Graph

_DENSE_AGENTS = 1500


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

    def sparse(self) -> csr_array:
        """W as a scipy sparse array, shape (N, N)."""
        n = len(self)
        return csr_array((self.values, self.columns, self.offsets), shape=(n, n))


def metropolis(topology: Graph) -> Weights:
    """Metropolis–Hastings weights: w_ij = min(1/d_i, 1/d_j) and w_ii = 1 − Σ_j w_ij.

    They are symmetric, hence doubly stochastic (paper, Appendix F.1).
    """
    n = len(topology)
    degrees = topology.degrees
    tails = np.repeat(np.arange(n), degrees)
    shared = 1 / np.maximum(degrees[tails], degrees[topology.neighbours])
    own = 1 - np.bincount(tails, weights=shared, minlength=n)
    rows = np.concatenate([tails, np.arange(n)])
    columns = np.concatenate([topology.neighbours, np.arange(n)])
    return _compress(csr_array((np.concatenate([shared, own]), (rows, columns)), shape=(n, n)))


def lazy(weights: Weights) -> Weights:
    """(I + W) / 2, which contracts on every connected topology.

    Metropolis–Hastings weights leave no self-weight on a regular bipartite topology (two agents,
    a ring of even length): there W has the eigenvalue −1 and never brings the agents together.
    """
    half = (eye_array(len(weights)) + weights.sparse()) / 2
    return _compress(csr_array(half))


def contraction(weights: Weights) -> float:
    """‖W − J‖₂, the factor by which one mixing shrinks disagreement (Assumption 2.5)."""
    n = len(weights)
    W = weights.sparse()
    if n <= _DENSE_AGENTS:
        return float(np.linalg.norm(W.toarray() - 1 / n, ord=2))
    centred = LinearOperator(
        (n, n),
        matvec=lambda v: W @ v - v.mean(),
        rmatvec=lambda v: W.T @ v - v.mean(),
        dtype=np.float64,
    )
    start = np.cos(np.arange(n))  # fixed, so that the same bits come back
    return float(svds(centred, k=1, v0=start, return_singular_vectors=False)[0])


def _compress(matrix: csr_array) -> Weights:
    matrix.sort_indices()
    return Weights(matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32), matrix.data)
