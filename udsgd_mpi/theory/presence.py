"""Agents that are away at times: what that makes of their noise.

Agent i takes step n if a_n = 1, with a_n independent of its sampler, which stands still at the
others. Its steps are c times as large: c = 1/p, or 1, with p = E a_n. At θ* it moves by
c a_n g_i(X) with X its next point, while the others wait for it with ∇f_i(θ*) = h_i on average.

The j-th step that it takes after another one exists exactly once, however long it takes. So the
lags of its sampler add up as ever (Palm): Σ_k E[a_0 a_k C(A_k)] = p Σ_j C_j, where C_j are the
autocovariances of g_i along its path and A_k is the number of steps that it takes in k. What is
left is h_i times the fluctuation of a_n itself:

    U_i = c² (p U + σ² h_i h_iᵀ),    σ² = Σ_k Cov(a_0, a_k).
"""

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from udsgd_mpi.theory.noise import Noise
from udsgd_mpi.theory.step_size import Polynomial

Floats = NDArray[np.float64]


def thinned(noise: Noise, share: float, pace: float) -> Noise:
    """Noise of covariance c² p U, where ``noise`` is that of the agent's own steps.

    Parameters
    ----------
    share
        p, the share of steps that the agent takes.
    pace
        c, the factor of its steps.
    """
    amplitudes = pace * np.sqrt(share) * noise.amplitudes
    return Noise(amplitudes, noise.repulsion, noise.b, noise.lag / share)


def of_presence(slope: Floats, fluctuation: float, pace: float) -> Noise:
    """Noise of covariance c² σ² h hᵀ.

    Parameters
    ----------
    slope
        h = ∇f_i(θ*), shape (d,).
    fluctuation
        σ².
    """
    return Noise(pace * np.sqrt(fluctuation) * slope[None], np.ones(1), None)


def on_own_clock(step_size: Polynomial, share: float) -> Polynomial:
    """γ⋆ p^(a − 1) / m^a, by which θ and a visit history move at the agent's m-th own step.

    There n = m/p. It makes a difference where both are as fast, b = a.
    """
    exponent = step_size.exponent
    return replace(step_size, gamma=step_size.gamma * share ** (exponent - 1))
