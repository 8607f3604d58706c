"""Chains of any transition matrix."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.graphs.transitions import TransitionMatrix
from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.theory.chains.solving import solve, solver

if TYPE_CHECKING:
    from scipy.sparse import csc_array, csr_array

Floats = NDArray[np.float64]

_LARGEST_SOLVED = 10_000  # states; beyond it a factorisation may take gigabytes
_MOST_ITERATIONS, _CONVERGED = 100_000, 1e-14


@dataclass(frozen=True)
class MarkovChain:
    """Any irreducible chain on the points, reversible or not, periodic or not.

    Attributes
    ----------
    transitions
        P, shape (n, n).
    law
        π, shape (n,).
    """

    transitions: TransitionMatrix
    law: Floats

    @classmethod
    def of(cls, transitions: TransitionMatrix) -> "MarkovChain":
        """The chain of a matrix, with the law that solves πᵀ (I − P) = 0."""
        return cls(transitions, _law(transitions))

    def lift(self, G: Floats) -> Floats:
        return G

    def poisson(self, G: Floats) -> Floats:
        M = np.zeros_like(G)
        if len(G) > 1:
            M[1:] = self._solve_generator(G[1:])
        return np.asarray(M - self.law @ M)

    @cached_property
    def _solve_generator(self) -> Callable[[Floats], Floats]:
        # Without one state I − P is invertible, as the chain comes to that state from all others.
        return solver(_generator(self.transitions)[1:, 1:])

    def first_step(self, start: Floats) -> Floats:
        return self.step(start)

    def step(self, masses: Floats) -> Floats:
        return np.asarray(self.transitions.csr.T @ masses)

    def on_points(self, M: Floats) -> Floats:
        return self.law[:, None] * M

    @property
    def backward(self) -> "csr_array":
        from scipy.sparse import diags_array

        flows = diags_array(self.law) @ self.transitions.csr
        return (diags_array(1 / self.law) @ flows.T).tocsr()


@lru_cache(maxsize=64)
def _law(transitions: TransitionMatrix) -> Floats:
    if len(transitions) == 1:
        return np.ones(1)
    if len(transitions) > _LARGEST_SOLVED:
        return _iterated_law(transitions)
    # Flows into the other states, relative to the law of state 0.
    backward = _generator(transitions).T.tocsc()
    rest = solve(backward[1:, 1:], -backward[1:, [0]].toarray())[:, 0]
    law = np.append(1.0, np.maximum(rest, 0))
    return np.asarray(law / law.sum())


def _iterated_law(transitions: TransitionMatrix) -> Floats:
    """π as the limit of the lazy chain's law, which exists where P is periodic, too."""
    backward = transitions.csr.T.tocsr()
    law = np.full(len(transitions), 1 / len(transitions))
    for _ in range(_MOST_ITERATIONS):
        before = law
        law = (law + backward @ law) / 2
        if abs(law - before).sum() < _CONVERGED:
            return np.asarray(law / law.sum())
    raise ConfigurationError(
        f"chain of {len(transitions):,} points: expected one that mixes within"
        f" {_MOST_ITERATIONS:,} steps, as its stationary law is found by iteration beyond"
        f" {_LARGEST_SOLVED:,} points, got a slower one; use fewer points"
    )


def _generator(transitions: TransitionMatrix) -> "csc_array":
    """I − P."""
    from scipy.sparse import csc_array, eye_array

    return csc_array(eye_array(len(transitions)) - transitions.csr)
