"""What this rank waits for; ends a job that waits in vain, or does not stop when asked."""

import os
import sys
import threading
import time
import traceback
from functools import cache
from types import TracebackType

from udsgd_mpi.support.ending import end_all_ranks
from udsgd_mpi.support.errors import ExitCode
from udsgd_mpi.support.meter import Activity, Meter
from udsgd_mpi.support.stop_request import stop_request
from udsgd_mpi.support.users_code import still_running

_SECONDS_BETWEEN_LOOKS = 0.5
_SECONDS_TO_REPORT = 2.0  # for the other ranks to say what they wait for, too
_SECONDS_BEFORE_OTHERS = 1.0
_USERS_SHARE = 0.8  # of that time, so that the cause is told before those that wait for it


class Waiting:
    """Names the ranks that an exchange needs while it lasts: ``with waiting(ranks): …``.

    Where a meter is given, it learns that part of mixing was waiting.
    """

    def __init__(self) -> None:
        self.ranks: str | None = None
        self.since = 0.0
        self._began = 0.0
        self._meter: Meter | None = None

    def renew(self) -> None:
        """Note that the ranks it waits for have reported to be still working."""
        self.since = time.monotonic()

    def __call__(self, ranks: str, meter: Meter | None = None) -> "Waiting":
        self._meter = meter
        self._began = time.perf_counter()
        self.since = time.monotonic()  # before ranks, as the watchdog may look in between
        self.ranks = ranks
        return self

    def __enter__(self) -> None:
        pass

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        where: TracebackType | None,
    ) -> None:
        self.ranks = None
        if self._meter:
            seconds = time.perf_counter() - self._began
            self._meter.move(seconds, Activity.MIXING, Activity.WAITING)


waiting = Waiting()


@cache  # one watchdog, however many jobs a process runs
def watch(rank: int, host: str, seconds: float, *, alone: bool) -> None:
    """End the job where an exchange takes too long, it does not stop, or the launcher is gone.

    A thread watches while the main thread is inside MPI. Every rank that waits says for whom, with
    its stack; a rank that prints nothing is the one that hangs.

    Parameters
    ----------
    seconds
        How long an exchange may take.
    alone
        Whether there is one rank, which may outlive the process that started it.
    """
    launcher = os.getppid()

    def look() -> None:
        while True:
            time.sleep(min(_SECONDS_BETWEEN_LOOKS, seconds / 4))
            if os.getppid() != launcher and not alone:
                os._exit(ExitCode.INTERNAL)
            if stop_request.overdue:
                _stop_at_once(rank)
            if stuck := still_running(_USERS_SHARE * seconds):
                _end_users(rank, stuck)
            ranks, since = waiting.ranks, waiting.since
            if ranks is not None and time.monotonic() - since > seconds:
                _report(rank, host, ranks, seconds)
                time.sleep(_SECONDS_TO_REPORT)
                end_all_ranks(ExitCode.INTERNAL)

    threading.Thread(target=look, name="stall watchdog", daemon=True).start()


def _end_users(rank: int, stuck: str) -> None:
    """End a job that is in a user's code for too long."""
    if rank > 0:
        time.sleep(_SECONDS_BEFORE_OTHERS)  # rank 0 may be there, too
    sys.stderr.write(
        f"udsgd: error: on rank {rank}: {stuck}\nend the loop, or raise --stall-timeout if a call"
        " may take so long\n"
    )
    end_all_ranks(ExitCode.USAGE)


def _stop_at_once(rank: int) -> None:
    """End a job that was asked to stop but did not reach a point where it can."""
    if rank > 0:
        time.sleep(_SECONDS_BEFORE_OTHERS)  # rank 0 ends it, unless it was not asked or hangs
    sys.stderr.write(f"{stop_request.message(stop_request.phase.words)}\n")
    end_all_ranks(ExitCode.STOPPED)


def _report(rank: int, host: str, ranks: str, seconds: float) -> None:
    main = threading.main_thread().ident
    stack = "".join(traceback.format_stack(sys._current_frames()[main or 0]))  # noqa: SLF001
    sys.stderr.write(
        f"udsgd: error: stalled {stop_request.phase.words}: rank {rank} on {host} waits for {ranks}"
        f" since {seconds:g} s; a rank that prints no such line is the one that hangs\n{stack}"
    )
    sys.stderr.flush()
