"""Jobs that are watched, stopped and killed while they run."""

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from tests.launch import ENVIRONMENT, Session, mpirun

_MARK = "UDSGD_TEST_JOB"
SECONDS = 120
ROOT = Path(__file__).parents[2]


class Job:
    """``udsgd ARGUMENTS`` on some ranks, in the background."""

    def __init__(
        self, *arguments: object, ranks: int, cwd: Path, module: str = "udsgd_mpi"
    ) -> None:
        self._mark = uuid.uuid4().hex
        self._session = Session()
        own = {_MARK: self._mark, "PYTHONPATH": str(ROOT)}
        self.log = cwd / "log"
        with self.log.open("w") as log:
            self.launcher = subprocess.Popen(
                [
                    *(mpirun(), "-n", str(ranks), sys.executable, "-m", module),
                    *map(str, arguments),
                ],
                cwd=cwd,
                env=os.environ | ENVIRONMENT | self._session.variables | own,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def ranks(self) -> list[int]:
        """Processes of the job that are ranks."""
        return [pid for pid in self.processes() if _command(pid)[:1] == [sys.executable]]

    def processes(self) -> list[int]:
        """All processes of the job."""
        return [pid for pid in _all_processes() if f"{_MARK}={self._mark}" in _environment(pid)]

    def wait_until(self, path: Path) -> None:
        """Wait for a file to appear."""
        self._wait(path.exists)

    def wait_until_said(self, words: str) -> None:
        """Wait for words in the log."""
        self._wait(lambda: words in self.log.read_text())

    def wait(self) -> int:
        """Exit code of the launcher; all processes of the job have ended then."""
        running = self.processes()
        code = self.launcher.wait(SECONDS)
        self._wait(lambda: not self.processes() and all(map(_has_ended, running)))
        self._session.cleanup()
        return code

    def kill(self) -> None:
        """Kill all that is left of the job; what it had locked is free then."""
        victims = self.processes()
        for pid in victims:
            _signal(pid, signal.SIGKILL)
        self.launcher.wait(SECONDS)
        _wait(lambda: all(map(_has_ended, victims)))
        self._session.cleanup()

    def send(self, number: signal.Signals, pid: int) -> None:
        """Send a signal to a process of the job."""
        _signal(pid, number)

    def send_to_rank(self, rank: int, name: str) -> None:
        """Send a signal to a rank by its number."""
        numbers = {f"{variable}={rank}" for variable in ("PMI_RANK", "OMPI_COMM_WORLD_RANK")}
        for pid in self.ranks():
            if numbers & set(_environment(pid)):
                _signal(pid, signal.Signals[f"SIG{name}"])

    def _wait(self, condition: Callable[[], bool]) -> None:
        try:
            _wait(condition)
        except TimeoutError:
            self.kill()
            raise TimeoutError(self.log.read_text()) from None


def _wait(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + SECONDS
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError
        time.sleep(0.02)


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def _all_processes() -> list[int]:
    return [int(path.name) for path in Path("/proc").glob("[0-9]*")]


def _has_ended(pid: int) -> bool:
    """Whether all files of a process are closed, whoever has yet to ask for its exit code."""
    status = _read(pid, "stat")[:1]
    return not status or status[0].rpartition(")")[2].split()[0] in "XZ"


def _environment(pid: int) -> list[str]:
    return _read(pid, "environ")


def _command(pid: int) -> list[str]:
    return _read(pid, "cmdline")


def _read(pid: int, name: str) -> list[str]:
    try:
        return Path(f"/proc/{pid}/{name}").read_text(errors="replace").split("\0")
    except OSError:
        return []
