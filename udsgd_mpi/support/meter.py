"""Where a rank's time goes, and what it gives to others."""

from enum import IntEnum
from time import perf_counter


class Activity(IntEnum):
    """What a rank spends its time on between its first step and its last."""

    SAMPLING = 0
    GRADIENT = 1
    MIXING = 2
    WAITING = 3
    RECORDING = 4


class Meter:
    """Adds up the seconds of each activity, and messages with their bytes.

    Attributes
    ----------
    seconds
        By activity.
    messages, bytes_sent
        Given to other ranks, also in memory that they share.
    """

    def __init__(self) -> None:
        self.seconds = [0.0] * len(Activity)
        self.messages, self.bytes_sent = 0, 0
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

    def sent(self, messages: int, bytes_sent: int, times: int = 1) -> None:
        """Count what exchanges gave to other ranks."""
        self.messages += times * messages
        self.bytes_sent += times * bytes_sent
