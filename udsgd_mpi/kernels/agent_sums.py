"""Sums over agents in agent order, and other sums that must not depend on the layout."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.kernels.compiled import Kernel, kernel
from udsgd_mpi.kernels.vectors import LENGTH, add, copy, weighted_sum

Floats = NDArray[np.float64]

_LINE = 8  # numbers in a cache line; a vector that lies across two takes twice as long to load


def mean_over_agents(rows: Floats, out: Floats) -> None:
    """Mean of ``rows`` (agents, elements), summed in agent order, into ``out`` (elements,)."""
    mean_of_rows(rows, np.arange(len(rows)), 0, out)


@kernel("void(float64[:, ::1], int64[::1], int64, float64[::1])")
def mean_of_rows(rows: Floats, which: NDArray[np.int64], start: int, out: Floats) -> None:
    """Mean of some rows' elements from ``start`` on, as many as ``out`` takes.

    Summed in the order of ``which``, in double precision, and rounded once.
    """
    elements, number, total = len(out), len(which), np.zeros(LENGTH)
    for first in range(0, elements - LENGTH + 1, LENGTH):
        here = slice(start + first, start + first + LENGTH)
        copy(rows[which[0], here], total)
        for i in range(1, number):
            add(rows[which[i], here], total)
        for k in range(LENGTH):
            out[first + k] = total[k] / number
    for k in range(elements - elements % LENGTH, elements):
        one = np.float64(rows[which[0], start + k])
        for i in range(1, number):
            one += rows[which[i], start + k]
        out[k] = one / number


mean_of_single_rows = mean_of_rows.with_types("float64", "float32")


COMBINE = (
    "void(int64[::1], int32[::1], float64[::1], int64[::1], int64[::1], float64[:, ::1],"
    " float64[:, ::1])"
)


@kernel(COMBINE)
def combine(
    offsets: NDArray[np.int64],
    columns: NDArray[np.int32],
    values: Floats,
    needed: NDArray[np.int64],
    rows: NDArray[np.int64],
    half_steps: Floats,
    out: Floats,
) -> None:
    """Rows of W times the half-steps: out[rows[i]] = Σ_k values[k] half_steps[needed[columns[k]]].

    Each sum runs over offsets[i] ≤ k < offsets[i + 1], in this order; ``half_steps`` and ``out``
    are (agents, elements). A few elements of all that is needed are copied together, so that they
    stay in the first cache, whatever the length of a row, while all sums over them are taken; these
    are in double precision, and rounded once.
    """
    _, elements = out.shape
    memory = np.zeros(len(needed) * LENGTH + _LINE)
    aligned = -memory.ctypes.data // 8 % _LINE
    block = memory[aligned : aligned + len(needed) * LENGTH].reshape(len(needed), LENGTH)
    total = np.empty(LENGTH)
    for start in range(0, elements - LENGTH + 1, LENGTH):
        stop = start + LENGTH
        for j in range(len(needed)):
            copy(half_steps[needed[j], start:stop], block[j])
        for i in range(len(rows)):
            mixed = out[rows[i], start:stop]
            weighted_sum(values, columns, offsets[i], offsets[i + 1], block, mixed)
    start = elements - elements % LENGTH
    if start < elements:
        for j in range(len(needed)):
            for k in range(start, elements):
                block[j, k - start] = half_steps[needed[j], k]
        for i in range(len(rows)):
            weighted_sum(values, columns, offsets[i], offsets[i + 1], block, total)
            for k in range(start, elements):
                out[rows[i], k] = total[k - start]


combine_single = combine.with_types("float64[:, ::1]", "float32[:, ::1]")


def combine_in(dtype: np.dtype[Any]) -> Kernel[..., None]:
    """The one of these two for half-steps of a type."""
    return combine if dtype == np.float64 else combine_single


def mean_in(dtype: np.dtype[Any]) -> Kernel[..., None]:
    """``mean_of_rows`` for rows of a type."""
    return mean_of_rows if dtype == np.float64 else mean_of_single_rows


@kernel("void(float64[:, :, ::1], float64[:, ::1], float64[:, ::1])")
def squared_distances(theta: Floats, centre: Floats, out: Floats) -> None:
    """‖θ^i − centre‖² of each agent and trial.

    theta is (agents, trials, d), centre (trials, d) and out (agents, trials).
    """
    agents, trials, d = theta.shape
    for i in range(agents):
        for t in range(trials):
            total = 0.0
            for k in range(d):
                difference = theta[i, t, k] - centre[t, k]
                total += difference * difference
            out[i, t] = total
