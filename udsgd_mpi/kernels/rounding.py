"""Exchanges in which every agent knows the others' half-steps in single precision alone.

    θ^i ← θ^i + Σ_j w_ij (q(θ^j) − q(θ^i))

q rounds to single precision; sums are in double. As an agent keeps what its own half-step loses,
θ^i − q(θ^i), the average over the agents stays what it was (Frasca, Carli, Fagnani and Zampieri,
Average consensus on networks with quantized communication, Int. J. Robust Nonlinear Control 19,
2009), and moves far below what q resolves are not lost. Averages are themselves rounded, as they
are sent on: there the average over the agents may move by what q loses.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.kernels.compiled import inlined, kernel

Floats = NDArray[np.float64]

DOUBLE = np.dtype(np.float64)  # what is not rounded


def as_sent(values: Floats, number: np.dtype[Any]) -> NDArray[Any]:
    """Values in the type of the numbers in a message; what is too large for it is infinite."""
    with np.errstate(over="ignore"):
        return values.astype(number, copy=False)


@inlined
def round_rows(rows: Floats, lost: Floats) -> None:
    """Make the first rows q(rows), as many as ``lost`` has, and put there what they lose."""
    for i in range(lost.shape[0]):
        for k in range(lost.shape[1]):
            rounded = np.float64(np.float32(rows[i, k]))
            lost[i, k] = rows[i, k] - rounded
            rows[i, k] = rounded


@inlined
def restore_rows(rows: Floats, lost: Floats) -> None:
    """Give the first rows back what they have lost."""
    for i in range(lost.shape[0]):
        for k in range(lost.shape[1]):
            rows[i, k] += lost[i, k]


@kernel("void(float64[:, ::1], float64[:, ::1])")
def round_off(rows: Floats, lost: Floats) -> None:
    """Round to single precision in place.

    Parameters
    ----------
    rows
        Half-steps, shape (agents, elements).
    lost
        Receives what they lose; same shape.
    """
    round_rows(rows, lost)


@kernel("void(float64[:, ::1], float64[:, ::1])")
def restore(rows: Floats, lost: Floats) -> None:
    """Undo ``round_off``, or give what it took to what rows have become."""
    restore_rows(rows, lost)
