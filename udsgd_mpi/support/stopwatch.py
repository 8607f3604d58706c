"""Where a rank's time goes."""

from enum import IntEnum
from time import perf_counter


class Activity(IntEnum):
    """What a rank spends its time on between its first step and its last."""

    SAMPLING = 0
    GRADIENT = 1
    MIXING = 2
    RECORDING = 3


class Stopwatch:
    """Adds up the seconds of each activity.

    Attributes
    ----------
    seconds
        By activity.
    """

    def __init__(self) -> None:
        self.seconds = [0.0] * len(Activity)
        self._last = perf_counter()

    def start(self) -> None:
        """Leave out what came before."""
        self._last = perf_counter()

    def move(self, seconds: float, source: Activity, to: Activity) -> None:
        """Count some of the seconds of one activity as spent on another."""
        self.seconds[source] -= seconds
        self.seconds[to] += seconds

    def lap(self, activity: Activity) -> None:
        """Count the time since the last lap as spent on ``activity``."""
        now = perf_counter()
        self.seconds[activity] += now - self._last
        self._last = now
