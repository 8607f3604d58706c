"""Aggregation times n_l = Σ_{m ≤ l} K_m."""

import math
from bisect import bisect_left, bisect_right
from typing import Annotated, Literal

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

Step = Annotated[int, Meta(ge=1)]
Interval = Step | Literal["log", "loglog"] | Annotated[list[Step], Meta(min_length=1)]

LAST_STEP = 2**31 - 1  # that there can be

# K_l = k up to these l, ⌊e^k⌋ or ⌊e^(e^k)⌋, for k = 1, 2, …; what follows is past LAST_STEP.
_LAST_OF_GROWTH = {
    "log": [math.floor(math.exp(k)) for k in range(1, 22)],
    "loglog": [math.floor(math.exp(math.exp(k))) for k in range(1, 4)],
}


class AggregationTimes:
    """n_1 < n_2 < … of a pattern.

    K_l is constant between few l, so n_l is piecewise linear in l, and no list of times is kept.

    Parameters
    ----------
    interval
        K_l: a constant; ``"log"`` for max{1, ⌈log l⌉} or ``"loglog"`` for max{1, ⌈log log l⌉}
        (Assumption 2.3-ii); or a list K_1, K_2, …, whose last entry is repeated forever.
    """

    def __init__(self, interval: Interval) -> None:
        # Of each piece: the number of times before it, the last of them, and its K_l.
        if isinstance(interval, int):
            before, K = [0], [interval]
        elif isinstance(interval, list):
            before, K = list(range(len(interval))), interval
        else:
            before = [0, *_LAST_OF_GROWTH[interval]]
            K = list(range(1, len(before) + 1))
        self._before = before
        self._K = [min(k, LAST_STEP + 1) for k in K]
        self._begin = [0]
        for length, k in zip(np.diff(before).tolist(), self._K, strict=False):
            self._begin.append(self._begin[-1] + length * k)
        self._pieces = tuple(np.array(each) for each in (self._before, self._begin, self._K))

    def number(self, n: int) -> int:
        """How many times there are up to n; the l with n_l = n at an aggregation time."""
        piece = bisect_right(self._begin, n) - 1
        return self._before[piece] + (n - self._begin[piece]) // self._K[piece]

    def time(self, number: int) -> int:
        """n_l of the l-th aggregation, l = 1, 2, …."""
        piece = bisect_left(self._before, number) - 1
        return self._begin[piece] + (number - self._before[piece]) * self._K[piece]

    def between(self, n: int, m: int) -> NDArray[np.int64]:
        """The times in (n, m], ascending."""
        piece = bisect_right(self._begin, n)
        if piece == bisect_right(self._begin, m):  # as nearly always
            first, step = self._begin[piece - 1], self._K[piece - 1]
            return np.arange(n + step - (n - first) % step, m + 1, step, dtype=np.int64)
        before, begin, K = self._pieces
        l = np.arange(self.number(n) + 1, self.number(m) + 1)
        k = np.searchsorted(before, l) - 1
        return np.asarray(begin[k] + (l - before[k]) * K[k])
