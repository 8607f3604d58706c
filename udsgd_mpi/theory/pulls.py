"""What slopes that are known beforehand make of θ_n: the part of θ_n − θ* that is not random."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.kernels.compiled import kernel
from udsgd_mpi.theory.step_size import StepSize

Floats = NDArray[np.float64]


def left_of_pulls(
    pulls: Callable[[int, int], Floats],
    h: Floats,
    step_size: StepSize,
    steps: NDArray[np.int64],
    momentum: float = 0.0,
) -> tuple[Floats, Floats]:
    """−Σ_k Φ(n, k) γ_k b_k and its average over the n before, shape (steps, d) each.

    As ``theory.start`` has it of θ_0; all in the eigenbasis of H.

    Parameters
    ----------
    pulls
        Takes n and m and gives b_n, …, b_m, shape (m − n + 1, d).
    h
        Eigenvalues of H, shape (d,).
    steps
        The n to look at, ascending.
    momentum
        β of the heavy ball.
    """
    left, average = np.empty((2, len(steps), len(h)))
    theta, total, velocity = np.zeros((3, len(h)))
    for row, (n, m) in enumerate(pairwise([0, *steps.tolist()])):
        for first, gamma in step_size.in_blocks(n + 1, m):
            b = np.ascontiguousarray(pulls(first, first + len(gamma) - 1))
            _go_on(b, h, gamma, momentum, theta, velocity, total)
        left[row], average[row] = theta, total / max(m, 1)
    return left, average


@kernel(
    "void(float64[:, ::1], float64[::1], float64[::1], float64, float64[::1], float64[::1],"
    " float64[::1])"
)
def _go_on(
    b: Floats,
    h: Floats,
    gamma: Floats,
    momentum: float,
    theta: Floats,
    velocity: Floats,
    total: Floats,
) -> None:
    for n in range(len(gamma)):
        for a in range(len(h)):
            total[a] += theta[a]
            velocity[a] = momentum * velocity[a] + h[a] * theta[a] + b[n, a]
            theta[a] -= gamma[n] * velocity[a]
