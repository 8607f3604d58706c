"""What a chain is, and its asymptotic covariance.

U = lim n Cov((1/n) Σ_s g(X_s)) = Gᵀ D M + Mᵀ D G − Gᵀ D G, where the rows of G are g(x) − E_π g,
D = diag(π), and M = Σ_k P^k G solves Poisson's equation (I − P) M = G with πᵀ M = 0; M is Z G
with the fundamental matrix Z = (I − P + 1πᵀ)⁻¹ (paper, eqs. 4 and 5), which is never formed
for large graphs.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.theory.noise import Noise

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Floats = NDArray[np.float64]

_MOST_NUMBERS = 2**18  # of a block of columns, on all states


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
    M = np.empty_like(G)
    for columns in _blocks(chain, G):
        M[:, columns] = chain.on_points(chain.poisson(chain.lift(G[:, columns])))
    return _covariance(chain, G, M)


def noise_of_walk(chain: Chain, G: Floats) -> Noise:
    """What a walk without a history does to θ; see ``asymptotic_covariance``.

    Its lag follows from Poisson's equation for M, as Σ_k k P^k G = Σ_k P^k M − M.
    """
    M, again = np.empty((2, *G.shape))
    for columns in _blocks(chain, G):
        on_states = chain.poisson(chain.lift(G[:, columns]))
        M[:, columns] = chain.on_points(on_states)
        again[:, columns] = chain.on_points(chain.poisson(on_states))
    noise = Noise.white(_covariance(chain, G, M))
    total = float((noise.amplitudes**2).sum())
    return replace(noise, lag=2 * float((G * (again - M)).sum()) / total if total > 0 else 0.0)


def _blocks(chain: Chain, G: Floats) -> Iterator[slice]:
    """Columns of G at a time, as there may be many more states than points."""
    width = max(1, _MOST_NUMBERS // len(chain.law))
    for first in range(0, G.shape[1], width):
        yield slice(first, first + width)


def _covariance(chain: Chain, G: Floats, M: Floats) -> Floats:
    """U from Σ π_s M(s) over the states s that show each point, shape (points, d)."""
    half = G.T @ M
    law = chain.on_points(np.ones((len(chain.law), 1)))
    return np.asarray(half + half.T - G.T @ (law * G))
