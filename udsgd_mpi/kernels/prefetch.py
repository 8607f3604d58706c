"""Points that are loaded while others are worked on, as the next ones are known."""

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.kernels.compiled import inlined
from udsgd_mpi.kernels.vectors import prefetch

Floats = NDArray[np.float64]
Indices = NDArray[np.int32]

AHEAD = 12  # points; what so many take is about the time of a look into memory
_LINE = 8  # numbers in a cache line
_SHORT = 64  # numbers in a point; longer ones the processor fetches ahead by itself


@inlined
def ask_for(points: Floats, i: int) -> None:
    """Ask for a row of a C-contiguous array, and do not wait."""
    d = points.shape[1]
    if d <= _SHORT:
        for k in range(0, d, _LINE):
            prefetch(points, i, k)
        prefetch(points, i, d - 1)


@inlined
def ask_for_next(points: Floats, X: Indices, n: int, i: int) -> None:
    """Ask for the first points of those that follow agent i's at step n.

    X, the rows of the points, is (steps, agents, trials).
    """
    steps, agents, trials = X.shape
    following = X[n, i + 1] if i + 1 < agents else X[min(n + 1, steps - 1), 0]
    for t in range(min(AHEAD, trials)):
        ask_for(points, following[t])
