"""Local steps of a method with a move of its own, on the gradients of a compiled objective."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.kernels.compiled import Kernel, specialised
from udsgd_mpi.methods.base import MEMORY, MOVE, ROWS, Memory
from udsgd_mpi.objectives.compiled import DENSE_POINTS, SLOPES, SPARSE_POINTS

Floats = NDArray[np.float64]


def moves_on(points: str) -> str:
    """Types of the slopes' kernel, the move, room for slopes, memory and parameters."""
    slopes = f"FunctionType({SLOPES.format(points)})"
    return f"{slopes}, FunctionType({MOVE}), {ROWS}, {MEMORY}, float64[::1]"


def _steps(
    slopes_of: Callable[..., None],
    move: Callable[..., None],
    slopes: Floats,
    memory: Memory,
    parameters: Floats,
    n: int,
    theta: Floats,
    X: NDArray[np.int32],
    gamma: Floats,
    points: tuple[Any, ...],
) -> None:
    ascent = np.full(1, -1.0)
    for k in range(len(gamma)):
        slopes_of(theta, slopes, X[k : k + 1], ascent, *points)
        move(theta, slopes, memory, parameters, gamma[k], n + k + 1)


# For kernels.
steps_of_moves: Callable[..., None] = specialised(_steps)
dense_moves, sparse_moves = (
    Kernel[..., None](
        _steps,
        f"void({moves_on(points)}, int64, float64[:, :, ::1], int32[:, :, ::1], float64[::1],"
        f" Tuple(({points})))",
    )
    for points in (DENSE_POINTS, SPARSE_POINTS)
)
