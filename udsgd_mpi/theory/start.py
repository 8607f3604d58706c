"""What remains of θ_0 − θ* after n steps: the part of θ_n − θ* that is not random."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.kernels.compiled import kernel
from udsgd_mpi.theory.step_size import StepSize

Floats = NDArray[np.float64]


def left_of_start(
    start: Floats,
    h: Floats,
    step_size: StepSize,
    steps: NDArray[np.int64],
    momentum: float = 0.0,
) -> tuple[Floats, Floats]:
    """Φ(n, 0) (θ_0 − θ*) and its average (1/n) Σ_{s<n} Φ(s, 0) (θ_0 − θ*), shape (steps, d) each.

    Φ(n, 0) = Π_{m≤n} (I − γ_m H), as in ``theory.paths``; all in the eigenbasis of H.

    Parameters
    ----------
    start
        θ_0 − θ*, shape (d,).
    h
        Eigenvalues of H, shape (d,).
    steps
        The n to look at, ascending.
    momentum
        β of the heavy ball, which starts at rest.
    """
    left, average = np.empty((2, len(steps), len(h)))
    shrink, total, velocity = np.ones(len(h)), np.zeros(len(h)), np.zeros(len(h))
    for row, (n, m) in enumerate(pairwise([0, *steps.tolist()])):
        for _, gamma in step_size.in_blocks(n + 1, m):
            _go_on(start, h, gamma, momentum, shrink, velocity, total)
        left[row], average[row] = shrink * start, total / max(m, 1)
    return left, average


@kernel(
    "void(float64[::1], float64[::1], float64[::1], float64, float64[::1], float64[::1],"
    " float64[::1])"
)
def _go_on(
    start: Floats,
    h: Floats,
    gamma: Floats,
    momentum: float,
    shrink: Floats,
    velocity: Floats,
    total: Floats,
) -> None:
    for n in range(len(gamma)):
        for a in range(len(h)):
            total[a] += shrink[a] * start[a]
            if momentum > 0:
                velocity[a] = momentum * velocity[a] + h[a] * shrink[a]
                shrink[a] -= gamma[n] * velocity[a]
            else:
                shrink[a] *= 1 - gamma[n] * h[a]
