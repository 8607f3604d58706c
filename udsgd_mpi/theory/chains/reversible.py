"""Reversible chains: simple and Metropolis–Hastings walks."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.graphs import Graph
from udsgd_mpi.theory.chains.solving import solve, solver

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class ReversibleChain:
    """A chain on the nodes of a graph with π_x P_xy = π_y P_yx.

    Attributes
    ----------
    flows
        π_x P_xy for x ≠ y, shape (n, n); symmetric.
    law
        π, shape (n,).
    """

    flows: "csr_array"
    law: Floats

    @classmethod
    def simple(cls, graph: Graph) -> "ReversibleChain":
        """Simple random walk: uniform neighbours."""
        return cls._from_arcs(graph, np.full(len(graph.neighbours), 1 / len(graph.neighbours)))

    @classmethod
    def metropolis_hastings(cls, graph: Graph) -> "ReversibleChain":
        """Metropolis–Hastings walk to the uniform law: P_xy = min(1/deg x, 1/deg y)."""
        tails = np.repeat(graph.degrees, graph.degrees)
        heads = graph.degrees[graph.neighbours]
        return cls._from_arcs(graph, 1 / np.maximum(tails, heads) / len(graph), uniform=True)

    @classmethod
    def _from_arcs(cls, graph: Graph, flows: Floats, *, uniform: bool = False) -> "ReversibleChain":
        from scipy.sparse import csr_array

        n = len(graph)
        law = np.full(n, 1 / n) if uniform else graph.degrees / len(graph.neighbours)
        return cls(csr_array((flows, graph.neighbours, graph.offsets), shape=(n, n)), law)

    def lift(self, G: Floats) -> Floats:
        return G

    def poisson(self, G: Floats) -> Floats:
        M = np.zeros_like(G)
        M[1:] = self._solve_laplacian(self.law[1:, None] * G[1:])
        return np.asarray(M - self.law @ M)

    @cached_property
    def _solve_laplacian(self) -> Callable[[Floats], Floats]:
        # D (I − P) is a Laplacian; without one node it is positive definite.
        laplacian = -self.flows
        laplacian.setdiag(self.flows.sum(axis=1))
        return solver(laplacian.tocsc()[1:, 1:])

    def first_step(self, start: Floats) -> Floats:
        return self.step(start)

    def step(self, masses: Floats) -> Floats:
        shares = masses / self.law
        return np.asarray(masses - shares * self.flows.sum(axis=1) + self.flows @ shares)

    def on_points(self, M: Floats) -> Floats:
        return self.law[:, None] * M

    @property
    def backward(self) -> "csr_array":
        from scipy.sparse import diags_array

        moves = diags_array(1 / self.law) @ self.flows
        return (moves + diags_array(1 - moves.sum(axis=1))).tocsr()

    def repel(self, G: Floats, alpha: float) -> Floats:
        """(α(I + P) + I)⁻¹ G: what self-repulsion makes of G in the long run."""
        matrix = alpha * self.flows
        matrix.setdiag((2 * alpha + 1) * self.law - alpha * self.flows.sum(axis=1))
        return solve(matrix.tocsc(), self.law[:, None] * G)

    def spectrum(self) -> tuple[Floats, Floats]:
        """Eigenvalues λ_k of P except the largest, which is 1, and eigenvectors.

        Returns
        -------
        λ, shape (n − 1,), ascending, and Φ with Φᵀ D Φ = I, shape (n, n − 1).
        """
        root = np.sqrt(self.law)
        symmetric = self.flows.toarray() / np.outer(root, root)
        np.fill_diagonal(symmetric, 1 - self.flows.sum(axis=1) / self.law)
        values, vectors = np.linalg.eigh(symmetric)
        return values[:-1], vectors[:, :-1] / root[:, None]
