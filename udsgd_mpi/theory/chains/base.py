"""What a chain is, and its asymptotic covariance.

U = lim n Cov((1/n) Σ_s g(X_s)) = Gᵀ D M + Mᵀ D G − Gᵀ D G, where the rows of G are g(x) − E_π g,
D = diag(π), and M = Σ_k P^k G solves Poisson's equation (I − P) M = G with πᵀ M = 0; M is Z G
with the fundamental matrix Z = (I − P + 1πᵀ)⁻¹ (paper, eqs. 4 and 5), which is never formed
for large graphs.
"""

from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.theory.noise import Noise

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Floats = NDArray[np.float64]


class Chain(Protocol):
    """A stationary chain whose states show points."""

    def lift(self, G: Floats) -> Floats:
        """Values on states from values on points, shape (states, d)."""

    @property
    def law(self) -> Floats:
        """Stationary law of the states, shape (states,)."""

    def poisson(self, G: Floats) -> Floats:
        """M with (I − P) M = G and πᵀ M = 0, for G with πᵀ G = 0; shape (states, d)."""

    def first_step(self, start: Floats) -> Floats:
        """Masses of the states that show X_1, from those of the points of X_0."""

    def step(self, masses: Floats) -> Floats:
        """Masses of the states a step later, shape (states,)."""

    def on_points(self, M: Floats) -> Floats:
        """Σ π_s M(s) over the states s that show each point, shape (points, d)."""

    @property
    def backward(self) -> "csr_array | None":
        """The chain in reversed time, π_y P_yx / π_x; None where the past says nothing."""


def asymptotic_covariance(chain: Chain, G: Floats) -> Floats:
    """U of a chain for values G of the points, shape (points, d), whose mean under π is 0.

    Returns
    -------
    U, shape (d, d); symmetric.
    """
    on_states = chain.lift(G)
    return _covariance(chain, on_states, chain.poisson(on_states))


def noise_of_walk(chain: Chain, G: Floats) -> Noise:
    """What a walk without a history does to θ; see ``asymptotic_covariance``.

    Its lag follows from Poisson's equation for M, as Σ_k k P^k G = Σ_k P^k M − M.
    """
    on_states = chain.lift(G)
    M = chain.poisson(on_states)
    noise = Noise.white(_covariance(chain, on_states, M))
    later = chain.law[:, None] * (chain.poisson(M) - M)
    total = float((noise.amplitudes**2).sum())
    return replace(noise, lag=2 * float((on_states * later).sum()) / total if total > 0 else 0.0)


def _covariance(chain: Chain, on_states: Floats, M: Floats) -> Floats:
    weighted = chain.law[:, None] * on_states
    half = weighted.T @ M
    return np.asarray(half + half.T - on_states.T @ weighted)
