"""What θ_n makes of white noise: second moments of pairs of directions at finite n."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.kernels.compiled import kernel
from udsgd_mpi.theory.step_size import StepSize

Floats = NDArray[np.float64]

_BLOCK = 2**12
_MOST_NUMBERS = 2**23


def gain_of_white(
    h: Floats,
    step_size: StepSize,
    last: int,
    momentum: float = 0.0,
    check_in: Callable[[], None] = lambda: None,
    *,
    averaged: bool = False,
) -> Floats:
    """M with E θ_a θ_b = U_ab M_ab at the last step, in the eigenbasis of H; shape (d, d).

    θ_n = −Σ_k w_k(n) ξ_k with the responses w of ``theory.paths``, so M = Σ_k w_k w_kᵀ; they are
    followed backwards from n, as those of all k then take n steps together. ``SecondMoments`` has
    the diagonal alone, for all steps and for noise with a history.

    Parameters
    ----------
    h
        Eigenvalues of H, shape (d,).
    last
        n.
    momentum
        β of the heavy ball.
    check_in
        Is called after each of many blocks of steps.
    averaged
        Whether θ is the Polyak–Ruppert average (1/n) Σ_{s<n} θ_s.
    """
    d = len(h)
    M = np.zeros((d, d))
    of_theta = np.full(d, 0.0 if averaged else 1.0)
    of_velocity = np.zeros(d)
    size = max(1, min(_BLOCK, _MOST_NUMBERS // d))
    for first in range(last - (last - 1) % size, 0, -size):
        gamma = step_size(first, min(last, first + size - 1))
        w = np.empty((len(gamma), d))
        _go_back(h, gamma, momentum, float(averaged), of_theta, of_velocity, w)
        M += w.T @ w
        check_in()
    return M / last**2 if averaged else M


@kernel(
    "void(float64[::1], float64[::1], float64, float64, float64[::1], float64[::1],"
    " float64[:, ::1])"
)
def _go_back(
    h: Floats,
    gamma: Floats,
    momentum: float,
    summed: float,
    of_theta: Floats,
    of_velocity: Floats,
    w: Floats,
) -> None:
    # The adjoint of v ← momentum v + h θ + ξ, θ ← θ − γ v, from the last step to the first.
    for n in range(len(gamma) - 1, -1, -1):
        for a in range(len(h)):
            of_velocity[a] = momentum * of_velocity[a] - gamma[n] * of_theta[a]
            w[n, a] = of_velocity[a]
            of_theta[a] += h[a] * of_velocity[a] + summed
