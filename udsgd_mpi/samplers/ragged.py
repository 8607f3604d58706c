"""Arrays of agents with different numbers of points, one after the other."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.kernels.compiled import inlined


class Ragged:
    """For each agent an array (trials, points), all in one piece of memory.

    Attributes
    ----------
    flat
        All of them, one after the other.
    """

    def __init__(self, trials: int, points: NDArray[np.int64], dtype: type) -> None:
        self._trials = trials
        self._ends = np.append(0, np.cumsum(trials * points)).tolist()
        self.flat: NDArray[Any] = np.empty(self._ends[-1], dtype=dtype)

    def __getitem__(self, k: int) -> NDArray[Any]:
        """The array of the k-th agent; a view."""
        return self.flat[self._ends[k] : self._ends[k + 1]].reshape(self._trials, -1)


@inlined
def array_of_agent(flat: NDArray[Any], start: int, trials: int, points: int) -> NDArray[Any]:
    """The array that begins there; a view."""
    return flat[start : start + trials * points].reshape((trials, points))
