"""Constant steps: what keeps θ_n away from θ* for ever.

With γ_n = γ the iterates have a stationary law. Let g_i(θ, x) = w_i(x) ∇F(θ, x) be what agent i
samples, A_i(x) its derivative at θ*, H_i = E A_i, h_i = ∇f_i(θ*), and H the mean of H_i. The
expectation of a step of the network average is 0 there, which gives to second order in θ^i − θ*

    H E(θ − θ*) = −(1/N) Σ_i {E (A_i(X_n) − H_i)(θ^i_n − θ*) + H_i E(θ^i − θ) + ½ ∇³f_i [C]},

with the covariance C of the network average θ. All three are linear in γ:

- *correlation*: a Markov chain's X_n has met θ^i_n before (Huo, Chen and Xie, Bias and
  extrapolation in Markovian linear stochastic approximation with constant stepsizes, SIGMETRICS
  2023);
- *disagreement*: agents that differ pull from where they are, not from the average (Versini,
  Mangold and Dieuleveut, Tight analysis of decentralized SGD, AISTATS 2026; for local steps
  Mangold, Durmus, Dieuleveut, Samsonov and Moulines, Refined analysis of constant step size
  federated averaging and federated Richardson–Romberg extrapolation, AISTATS 2025);
- *curvature*: f is not quadratic where θ spreads (Dieuleveut, Durmus and Bach, Bridging the gap
  between constant step size stochastic gradient descent and Markov chains, Annals of Statistics
  2020).

So 2 θ_γ − θ_2γ has a bias of second order in γ: Richardson–Romberg extrapolation. What agents'
different Hessians and their disagreement do to C is of second order in γ, too, and left out.

All of it is for coordinates in the eigenbasis of H, whose eigenvalues are h.
"""

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.theory.chains import Chain
from udsgd_mpi.theory.chains.solving import LARGEST_DENSE

Floats = NDArray[np.float64]

_NOTHING = 1e-9


def past(chain: Chain, g: Floats, h: Floats, gamma: float) -> Floats:
    """What θ_n knows of X_n where one agent is alone, over −γ.

    Parameters
    ----------
    g
        g(x) − E_π g of each point at θ*, shape (points, d).

    Returns
    -------
    q with q_a(x) = π(x) Σ_{k≥1} (1 − γ h_a)^{k−1} E[g_a(X_{n−k}) | X_n = x], shape (points, d), so
    that E φ(X_n)(θ_n − θ*) = −γ Σ_x φ(x) q(x) for linear steps.
    """
    backward = chain.backward
    if backward is None:
        return np.zeros_like(g)
    from scipy.sparse import csc_array, eye_array
    from scipy.sparse.linalg import splu

    first = backward @ chain.lift(g)
    identity = eye_array(len(first))
    M = np.empty_like(first)
    for a, keep in enumerate((1 - gamma * h).tolist()):
        system = csc_array(identity - keep * backward)
        if len(first) <= LARGEST_DENSE:
            M[:, a] = np.linalg.solve(system.toarray(), first[:, a])
        else:
            M[:, a] = splu(system).solve(first[:, a])
    return chain.on_points(M)


def recent_past(chain: Chain, g: Floats, h: Floats, gamma: float, excess: Floats) -> Floats:
    """What θ^i_n knows of X^i_n beyond the network average, over −γ.

    Parameters
    ----------
    g
        As for ``past``.
    excess
        How much more of agent i's own step is left in θ^i after k = 1, 2, … steps than in the
        network average, shape (lags,); see ``Carried``.

    Returns
    -------
    As of ``past``, with the lags weighted by ``excess``.
    """
    backward = chain.backward
    if backward is None or len(excess) == 0:
        return np.zeros_like(g)
    keep = 1 - gamma * h
    M = chain.lift(g)
    total, scale = np.zeros_like(M), abs(M).max(initial=0)
    left = np.cumsum(abs(excess)[::-1])[::-1]
    for weight, after in zip(excess.tolist(), left.tolist(), strict=True):
        if after * abs(M).max() < _NOTHING * scale:
            break
        M = backward @ M
        total += weight * M
        M *= keep
    return chain.on_points(total)


def innovations(law: Floats, g: Floats, q: Floats, h: Floats, gamma: float) -> Floats:
    """S of the covariance C_ab = γ S_ab / (h_a + h_b − γ h_a h_b), shape (d, d).

    For linear steps it is exact, whatever γ is, and its limit for γ → 0 is the sampler's U.

    Parameters
    ----------
    law
        π, shape (points,).
    g, q
        As for ``past``, and what that returns.
    """
    lagged = (1 - gamma * h)[:, None] * (q.T @ g)
    return np.asarray(g.T @ (law[:, None] * g) + lagged + lagged.T)


def stationary_covariance(S: Floats, h: Floats, gamma: float) -> Floats:
    """C of C = (I − γH) C (I − γH) + γ² S, shape (d, d)."""
    return np.asarray(gamma * S / (h[:, None] + h - gamma * np.outer(h, h)))


def multiplied(A: Floats, C: Floats) -> Floats:
    """E A C A, shape (d, d), which θ's own spread adds to S of independent draws.

    With it C = E (I − γA) C (I − γA) + γ² S is exact for linear steps of one agent.

    Parameters
    ----------
    A
        A(x) − E A of points that are alike in probability, shape (points, d, d).
    """
    return np.asarray(np.einsum("xab,xcb->ac", A @ C, A, optimize=True) / len(A))
