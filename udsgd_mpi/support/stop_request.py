"""Requests to stop: by USR1, by TERM, or because the allotted time is over."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

_SIGNALS = (signal.SIGUSR1, signal.SIGTERM)


class Phase(NamedTuple):
    """What a job is at.

    Attributes
    ----------
    words
        As they follow "stopped".
    grace
        Seconds that it has to stop in order; then the process ends as it is.
    """

    words: str
    grace: float = 5.0


LOADING = Phase("while loading")
POSING = Phase("while posing the problem")
STEPPING = Phase("while stepping", 30.0)  # ends with a checkpoint, and so is worth some waiting
SAVING = Phase("while writing a checkpoint", float("inf"))  # takes what the disk takes
PREDICTING = Phase("while predicting")
ENDING = Phase("while ending")


class StopRequest:
    """Whether this process was asked to stop, and whether it has taken too long to.

    Attributes
    ----------
    advice
        How to resume the job after it has stopped.
    deadline
        On the clock of ``time.monotonic``; None: no deadline.
    phase
        What the job is at; ``enter`` alone changes it.
    """

    def __init__(self) -> None:
        self.advice = ""
        self.deadline: float | None = None
        self._signal: str | None = None
        self._since = 0.0
        self.phase = LOADING
        self._listens = False

    def listen(self, max_time: float | None, advice: str) -> None:
        """Take the signals in a thread of its own, as the main thread may be inside MPI.

        Called before there are other threads, which then leave the signals to it.

        Parameters
        ----------
        max_time
            Seconds from the start of the process; None: as long as it takes.
        """
        self.advice = advice
        if max_time is not None:
            self.deadline = _process_start() + max_time
        if not self._listens:
            self._listens = True
            signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
            threading.Thread(target=self._take, name="stop signals", daemon=True).start()

    @contextmanager
    def until(self, deadline: float | None, advice: str) -> Iterator[None]:
        """Ask for a stop at a deadline, for as long as this block lasts; no signal is taken."""
        before = self.advice, self.deadline, self.phase
        self.advice, self.deadline = advice, deadline
        try:
            yield
        finally:
            self.advice, self.deadline, self.phase = before

    def enter(self, phase: Phase) -> None:
        """Take note of what the job is at now."""
        self._since = time.monotonic()
        self.phase = phase

    @property
    def reason(self) -> str | None:
        """Why this process is to stop; None where it is not."""
        if self._signal:
            return self._signal
        if self.deadline is None or self.phase is ENDING:  # what is complete is shown, too
            return None
        return "--max-time" if time.monotonic() >= self.deadline else None

    @property
    def overdue(self) -> bool:
        """Whether this process was asked to stop, and has had enough time to."""
        if self._signal is None and self.deadline is not None:
            asked = max(self._since, self.deadline)
        else:
            asked = self._since
        return self.reason is not None and time.monotonic() > asked + self.phase.grace

    def message(self, where: str) -> str:
        """What a job that has stopped says of it."""
        others = "another rank's signal"
        if self.deadline is not None:  # before which a run stops, to have time to save
            others = f"--max-time, or {others}"
        reason = self.reason or others
        return f"{where} ({reason}); {self.advice}"

    def stop(self, reason: str) -> None:
        """Ask for a stop, unless one was asked for already."""
        if self._signal is None:
            self._since = time.monotonic()
            self._signal = reason

    def _take(self) -> None:
        self.stop(signal.Signals(signal.sigwait(_SIGNALS)).name)
        again = signal.sigwait(_SIGNALS)
        os._exit(128 + again)  # MPICH has a handler for USR1, so that it would not end the process


# Signals and the clock are the whole process's.
stop_request = StopRequest()


def _process_start() -> float:
    """When this process began, on the clock of ``time.monotonic``; now if unknown."""
    now = time.monotonic()
    try:
        after_name = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
        began = int(after_name[19]) / os.sysconf("SC_CLK_TCK")
        return now - max(0.0, time.clock_gettime(time.CLOCK_BOOTTIME) - began)
    except (OSError, AttributeError):  # no Linux
        return now
