"""Aggregation times n_l = Σ_{m ≤ l} K_m."""

from typing import Annotated, Literal

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

Step = Annotated[int, Meta(ge=1)]
Interval = Step | Literal["log", "loglog"] | Annotated[list[Step], Meta(min_length=1)]


class AggregationTimes:
    """n_1 < n_2 < … of a pattern.

    Parameters
    ----------
    interval
        K_l: a constant; ``"log"`` for max{1, ⌈log l⌉} or ``"loglog"`` for max{1, ⌈log log l⌉}
        (Assumption 2.3-ii); or a list K_1, K_2, …, whose last entry goes on for ever.
    """

    def __init__(self, interval: Interval) -> None:
        self._interval = interval
        self._known: NDArray[np.int64] = np.empty(0, dtype=np.int64)

    def until(self, steps: int) -> NDArray[np.int64]:
        """All times up to ``steps``."""
        if isinstance(self._interval, int):
            return np.arange(self._interval, steps + 1, self._interval, dtype=np.int64)
        count = self.number(steps)
        return self._known[:count]

    def number(self, n: int) -> int:
        """The l with n_l = n, or the number of times before n."""
        if isinstance(self._interval, int):
            return n // self._interval
        if len(self._known) == 0 or self._known[-1] < n:
            self._known = np.cumsum(_intervals(self._interval, np.arange(1, 2 * n + 1)))
        return int(np.searchsorted(self._known, n, side="right"))


def _intervals(
    interval: Literal["log", "loglog"] | list[int], numbers: NDArray[np.int64]
) -> NDArray[np.int64]:
    if isinstance(interval, list):
        given = np.array(interval, dtype=np.int64)
        return np.take(given, np.minimum(numbers, len(given)) - 1)
    growth = np.log(numbers)
    if interval == "loglog":
        growth = np.log(np.maximum(growth, 1))
    return np.asarray(np.maximum(1, np.ceil(growth)), dtype=np.int64)
