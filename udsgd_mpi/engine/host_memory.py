"""Memory of the ranks of a host, in which each reads the others' iterates in place."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.kernels.aligned import aligned_zeros
from udsgd_mpi.kernels.shared_counters import APART, Counts, SharedCounters

DOUBLE = np.dtype(np.float64)


class HostMemory:
    """Two buffers of rows, with a section for each rank that shares them, and one common row.

    Attributes
    ----------
    buffers
        Shape (rows of all sections, elements) each, zero at first.
    common
        The common row, shape (elements,).
    first
        First row of the section of each rank.
    counters
        Signal to a rank's neighbours that its section is written.
    meetings
        Signal to all ranks.
    """

    def __init__(
        self, memory: NDArray[Any], elements: int, counts: Counts, first: dict[int, int], rank: int
    ) -> None:
        rows = (memory.size // elements - 1) // 2
        first_buffer, second_buffer = memory[: 2 * rows * elements].reshape(2, rows, elements)
        self.buffers = (first_buffer, second_buffer)
        self.common = memory[2 * rows * elements :]
        self.first = first
        places = {other: k for k, other in enumerate(first)}
        self.counters, self.meetings = (
            SharedCounters(half, places, rank) for half in counts.reshape(2, len(first) * APART)
        )

    @classmethod
    def private(
        cls, rank: int, rows: int, elements: int, dtype: np.dtype[Any] = DOUBLE
    ) -> "HostMemory":
        """For one rank alone."""
        counts = np.zeros(2 * APART, dtype=np.int64)
        memory = aligned_zeros(((2 * rows + 1) * elements,), np.dtype(dtype))
        return cls(memory, elements, counts, {rank: 0}, rank)
