"""What remains of θ_0 − θ* after n steps: the part of θ_n − θ* that is not random."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.kernels.compiled import kernel
from udsgd_mpi.theory.step_size import StepSize

Floats = NDArray[np.float64]


def left_of_start(
    start: Floats, h: Floats, step_size: StepSize, steps: NDArray[np.int64]
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
    """
    left, average = np.empty((2, len(steps), len(h)))
    shrink, total = np.ones(len(h)), np.zeros(len(h))
    for row, (n, m) in enumerate(pairwise([0, *steps.tolist()])):
        for _, gamma in step_size.in_blocks(n + 1, m):
            _go_on(start, h, gamma, shrink, total)
        left[row], average[row] = shrink * start, total / max(m, 1)
    return left, average


@kernel("void(float64[::1], float64[::1], float64[::1], float64[::1], float64[::1])")
def _go_on(start: Floats, h: Floats, gamma: Floats, shrink: Floats, total: Floats) -> None:
    for n in range(len(gamma)):
        for a in range(len(h)):
            total[a] += shrink[a] * start[a]
            shrink[a] *= 1 - gamma[n] * h[a]
