"""Where each model is at each step."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.samplers import SamplePaths

Indices = NDArray[np.int32]

_NUMBERS = 2**18
_LONGEST_BLOCK = 1024


class Places:
    """Agents A_n of all walks in all trials, drawn a block of steps at once.

    They are a function of (seed, walk, trial, n): every rank draws all of them and needs no
    message.

    Parameters
    ----------
    paths
        Of the walks on the topology.
    """

    def __init__(self, paths: SamplePaths, walks: int, trials: int) -> None:
        self._paths = paths
        steps = min(_LONGEST_BLOCK, max(2, _NUMBERS // (walks * trials)))
        self._block = np.empty((steps, walks, trials), dtype=np.int32)
        self._first = -steps

    def at(self, n: int, check_in: Callable[[], None] = lambda: None) -> Indices:
        """A_n, shape (walks, trials); a view, until a later step is asked for.

        Parameters
        ----------
        n
            Not before the steps that were asked for last.
        check_in
            Is called between pieces of the work, which is long where n is far ahead.
        """
        while n >= self._first + len(self._block):
            check_in()
            self._paths.draw(self._block)
            self._first += len(self._block)
        return np.asarray(self._block[n - self._first])
