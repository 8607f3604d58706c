"""Lines on stderr every few seconds: steps done, speed and time left."""

import re
import sys
import time
from typing import NamedTuple

_SECONDS_BETWEEN_LINES = 5.0
_LINE = re.compile(r"^(\S+): step ([\d,]+) of [\d,]+(?:, ([\d,]+) steps/s,|$)", re.MULTILINE)


class Progress:
    """Progress of one variant.

    Parameters
    ----------
    last
        Total number of steps.
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
        line = f"{self._name}: step {n:,} of {self._last:,}"
        if rate > 0:
            line += f", {rate:,.0f} steps/s, {(self._last - n) / rate:,.0f} s left"
        sys.stderr.write(f"{line}\n")


def say(message: str) -> None:
    """Something else to know, on stderr."""
    sys.stderr.write(f"udsgd: {message}\n")
    sys.stderr.flush()


class Line(NamedTuple):
    """What a line says: the variant, the steps done, and the steps a second where known."""

    name: str
    n: int
    rate: float | None


def last_line(text: str) -> Line | None:
    """The last line of progress in a text, or None."""
    found = _LINE.findall(text)
    if not found:
        return None
    name, n, rate = found[-1]
    return Line(name, int(n.replace(",", "")), float(rate.replace(",", "")) if rate else None)
