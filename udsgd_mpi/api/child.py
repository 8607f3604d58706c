"""A process that this one starts, listens to and ends."""

import signal
import subprocess
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress

from udsgd_mpi.support.progress import end_line, pass_on

_MOST_LINES = 20

# How it is asked to end, ever more firmly, and the seconds that it has to: USR1 reaches the ranks,
# which then write a checkpoint. A further interrupt is a reason to wait no longer.
_ASKED = ((signal.SIGUSR1, 60.0), (signal.SIGTERM, 5.0), (signal.SIGKILL, 5.0))


class Child:
    """A process in a session of its own, so that an interrupt of the terminal is not its own.

    Attributes
    ----------
    last_lines
        What it has said last.
    """

    def __init__(self, command: Sequence[str], environment: Mapping[str, str]) -> None:
        self.last_lines: deque[str] = deque(maxlen=_MOST_LINES)
        self._process = subprocess.Popen(  # noqa: S603 - the command is our own
            command,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )

    def wait(self) -> int:
        """Its exit code; passes on what it says, and ends it where this process is interrupted."""
        try:
            for line in self._process.stdout or ():
                self.last_lines.append(line.rstrip("\n"))
                pass_on(self.last_lines[-1])
            return self._process.wait()
        finally:
            end_line()
            self._end()

    def _end(self) -> None:
        for number, seconds in _ASKED:
            if self._process.poll() is not None:
                break
            with suppress(subprocess.TimeoutExpired, KeyboardInterrupt):
                self._process.send_signal(number)
                self._process.wait(seconds)
        if self._process.stdout:
            self._process.stdout.close()
