"""How far a run is, on stderr: one live line, or a line every few seconds."""

import re
import sys
import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from udsgd_mpi.support.live_line import LiveLine, is_live

SECONDS_BETWEEN_LINES = 5.0
_SECONDS_BETWEEN_LOOKS = 0.2
_SECONDS_OF_RATE = 5.0  # over which a live line's rate is taken
_LINE = re.compile(r"^(\S+): step ([\d,]+) of [\d,]+(?:, ([\d,]+) steps/s,|,|$)", re.MULTILINE)

_live = LiveLine()  # standard error is the whole process's


class Progress:
    """Progress of one variant.

    Parameters
    ----------
    last
        Total number of steps.
    every
        Seconds from one line to the next where nobody looks.
    """

    def __init__(self, name: str, last: int, every: float = SECONDS_BETWEEN_LINES) -> None:
        self._name = name
        self._last = last
        self._is_live = is_live(sys.stderr)
        self._every = _SECONDS_BETWEEN_LOOKS if self._is_live else every
        self._said = time.monotonic()
        self._recent: deque[tuple[float, int]] = deque()

    def __call__(self, n: int, measured: Callable[[], str] = str) -> None:
        """Say that n steps are done, if it is time to.

        Parameters
        ----------
        measured
            Says what the run has found so far, such as its MSE; ``""`` for nothing.
        """
        now = time.monotonic()
        if not self._recent:
            self._recent.append((self._said, n))
        if now - self._said < self._every:
            return
        self._said = now
        text = ", ".join(filter(None, (self._text(now, n), measured())))
        if self._is_live:
            _live.show(text)
        else:
            sys.stderr.write(f"{text}\n")

    def _text(self, now: float, n: int) -> str:
        then, before = self._recent[0]
        rate = (n - before) / (now - then)
        self._recent.append((now, n))
        while len(self._recent) > 1 and now - self._recent[0][0] >= self._window:
            self._recent.popleft()
        text = f"{self._name}: step {n:,} of {self._last:,}"
        if rate > 0:
            text += f", {rate:,.0f} steps/s, {(self._last - n) / rate:,.0f} s left"
        return text

    @property
    def _window(self) -> float:
        """Seconds over which a rate is taken: from one line to the next, and not less than that."""
        return _SECONDS_OF_RATE if self._is_live else 0.0


def say(message: str) -> None:
    """Something else to know, on stderr."""
    _live.end()
    sys.stderr.write(f"udsgd: {message}\n")
    sys.stderr.flush()


def pass_on(line: str) -> None:
    """Show a line that another process has said; one of progress as the live line, if there is one.

    Parameters
    ----------
    line
        Without the end of the line.
    """
    if _LINE.match(line) and is_live(sys.stderr):
        _live.show(line)
        return
    _live.end()
    sys.stderr.write(f"{line}\n")


def end_line() -> None:
    """Remove the live line, as others follow."""
    _live.end()


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
