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
that. On a bipartite topology two walks are for ever in one class at the same steps, with chance
(1 + e)/2, or never, and meet the points of even lags 1 + e times as often, those of odd lags 1 − e
times: to U_i comes e Σ_k (−1)^k C_i(k). Measured in simulations, not proved.
"""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.graphs import Graph
from udsgd_mpi.theory.chains import ReversibleChain

Floats = NDArray[np.float64]

_NEVER_FORGOTTEN = 1e-9


def alternating(chain: ReversibleChain | None, G: Floats) -> Floats:
    """Σ_k (−1)^k C(k) over k ∈ ℤ of a sampler, shape (d, d); NaN where it is periodic itself.

    Parameters
    ----------
    chain
        The sampler's; None for independent uniform draws.
    G
        g(x) − E g of its points, shape (points, d).
    """
    if chain is None:
        return np.asarray(G.T @ G / len(G))
    values, modes = _modes(chain, G)
    values[values < _NEVER_FORGOTTEN - 1] = np.nan
    return np.asarray((modes.T * ((1 - values) / (1 + values))) @ modes)


def chance_to_be_in_step(walk: ReversibleChain, topology: Graph) -> float:
    """E: 2 P(two walks are in one class of a bipartite topology at the same steps) − 1.

    Walks begin at uniform agents. 0 where classes are of the same size, and where the walk is not
    periodic.
    """
    n = len(topology)
    if walk.flows.sum() < 1 - _NEVER_FORGOTTEN:  # it stays at times
        return 0.0
    i, j = topology.edges
    # Twice the graph, with edges between the two: of a bipartite one that is two parts again.
    twice = Graph.of_edges(2 * n, np.concatenate([i, j]), np.concatenate([j, i]) + n)
    if twice.is_connected:
        return 0.0
    share = float(np.mean(twice.largest_part() < n))
    return (2 * share - 1) ** 2


def _modes(chain: ReversibleChain, G: Floats) -> tuple[Floats, Floats]:
    """Eigenvalues of a chain, and what each of them has of G, shape (modes, d)."""
    values, vectors = chain.spectrum()
    return values.copy(), vectors.T @ (chain.law[:, None] * G)


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
        values, modes = _modes(chain, G)
        return np.asarray((modes.T * self.weighted(i, values)) @ modes)
