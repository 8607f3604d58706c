"""Models that walk over the agents: covariances of the noise that they meet.

A model is at agent A_n, a reversible walk with law π over N agents, and takes a step
ω_i g_i(X^i_n), i = A_n, ω_i = 1/(N π_i), with that agent's own point. At θ* this is noise of two
parts. One is the walk itself over the mean gradients h_i: the asymptotic covariance of the walk for
the function i ↦ ω_i h_i. The other is that of the points: between two visits to agent i its sampler
has gone on, so that

    U = Σ_i π_i ω_i² Σ_k P^|k|(i, i) C_i(k),    k ∈ ℤ,

with C_i(k) the autocovariances of g_i along the path of agent i. Two independent walks are at agent
i with chance π_i² whatever k is, so that their points have the covariance

    Σ_i π_i² ω_i² Σ_k C_i(k) = (1/N²) Σ_i U_i,

that of distributed SGD, and their average over K walks has 1/K of one walk's own and 1 − 1/K of
that. Measured in simulations, not proved.
"""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.theory.chains import ReversibleChain

Floats = NDArray[np.float64]

_NEVER_FORGOTTEN = 1e-9


class Returns:
    """How often a walk over the agents is at an agent where it was k steps ago.

    Parameters
    ----------
    walk
        Of a model over the agents.
    """

    def __init__(self, walk: ReversibleChain) -> None:
        self._walk = walk

    @cached_property
    def _spectrum(self) -> tuple[Floats, Floats]:
        return self._walk.spectrum()

    def weighted(self, i: int, values: Floats) -> Floats:
        """Σ_k P^|k|(i, i) ν^|k| over k ∈ ℤ, for each ν of ``values`` in [−1, 1).

        P^k(i, i) = π_i (1 + Σ_a λ_a^k φ_a(i)²), and Σ_k (λν)^|k| = (1 + λν)/(1 − λν). NaN where
        there is no sum: where walk and sampler are both periodic, and in step.
        """
        eigenvalues, vectors = self._spectrum
        products = np.outer(np.append(1.0, eigenvalues), values)
        products[products > 1 - _NEVER_FORGOTTEN] = np.nan
        squares = np.append(1.0, vectors[i] ** 2)
        return np.asarray(self._walk.law[i] * (squares @ ((1 + products) / (1 - products))))

    def of_points(self, i: int, chain: ReversibleChain | None, G: Floats) -> Floats:
        """Σ_k P^|k|(i, i) C_i(k) of agent i, shape (d, d).

        Parameters
        ----------
        chain
            The sampler's; None for independent uniform draws, of which k = 0 alone counts.
        G
            g_i(x) − E g_i of its points, shape (points, d).
        """
        if chain is None:
            return np.asarray(G.T @ G / len(G))
        values, vectors = chain.spectrum()
        modes = vectors.T @ (chain.law[:, None] * G)
        return np.asarray((modes.T * self.weighted(i, values)) @ modes)
