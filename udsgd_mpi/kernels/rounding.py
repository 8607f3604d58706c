"""Exchanges in which every agent knows others' half-steps only in single precision.

    θ^i ← θ^i + Σ_j w_ij (q(θ^j) − q(θ^i))

q rounds to single precision; sums are in double. As an agent keeps what its own half-step loses,
θ^i − q(θ^i), the average over the agents stays what it was (Frasca, Carli, Fagnani and Zampieri,
Average consensus on networks with quantized communication, Int. J. Robust Nonlinear Control 19,
2009), and moves far below what q resolves are not lost. Averages are themselves rounded, as they
are sent on: there the average over the agents may move by what q loses.
"""

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.kernels.compiled import inlined, kernel

Floats = NDArray[np.float64]

QUANTIZE = "void(float64[:, ::1], float64[:, ::1])"


@kernel(QUANTIZE)
def round_off(rows: Floats, lost: Floats) -> None:
    """Make the first rows q(rows), as many as ``lost`` has, and put there what they lose.

    Parameters
    ----------
    rows
        Half-steps, shape (agents or more, elements).
    lost
        Shape (agents, elements).
    """
    for i in range(lost.shape[0]):
        for k in range(lost.shape[1]):
            rounded = np.float64(np.float32(rows[i, k]))
            lost[i, k] = rows[i, k] - rounded
            rows[i, k] = rounded


@kernel(QUANTIZE)
def keep_all(rows: Floats, lost: Floats) -> None:
    """The same for q(rows) = rows, which lose nothing."""


@inlined
def restore_rows(rows: Floats, lost: Floats) -> None:
    """Give the first rows what has been lost."""
    for i in range(lost.shape[0]):
        for k in range(lost.shape[1]):
            rows[i, k] += lost[i, k]


@kernel("void(float64[:, ::1], float64[:, ::1])")
def restore(rows: Floats, lost: Floats) -> None:
    """``restore_rows`` as a kernel."""
    restore_rows(rows, lost)
