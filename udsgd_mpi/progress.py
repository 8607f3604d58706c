"""Lines on stderr, one every few seconds: how far, how fast, how long still."""

import sys
import time

_SECONDS_BETWEEN_LINES = 5.0


class Progress:
    """Progress of one variant.

    Parameters
    ----------
    last
        Steps to be done in all.
    """

    def __init__(self, name: str, last: int) -> None:
        self._name = name
        self._last = last
        self._said = time.monotonic()
        self._n: int | None = None

    def __call__(self, n: int) -> None:
        """Say that n steps are done, if it is time to."""
        now = time.monotonic()
        if self._n is None:
            self._n = n
        if now - self._said < _SECONDS_BETWEEN_LINES:
            return
        rate = (n - self._n) / (now - self._said)
        self._said, self._n = now, n
        sys.stderr.write(
            f"{self._name}: step {n:,} of {self._last:,}, {rate:,.0f} steps/s,"
            f" {(self._last - n) / rate if rate else float('inf'):.0f} s left\n"
        )
