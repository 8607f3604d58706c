"""Ends a job that waits in vain, or does not stop when asked."""

import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from functools import cache
from typing import Self

from udsgd_mpi.parallel.waiting import waiting
from udsgd_mpi.support.ending import end_all_ranks
from udsgd_mpi.support.errors import ExitCode
from udsgd_mpi.support.failure import tell_failure
from udsgd_mpi.support.parent import parent_is_gone
from udsgd_mpi.support.stop_request import stop_request
from udsgd_mpi.support.users_code import still_running

_SECONDS_BETWEEN_LOOKS = 0.5
_SECONDS_TO_REPORT = 2.0  # for the other ranks to say what they wait for, too
_SECONDS_BEFORE_OTHERS = 1.0
_USERS_SHARE = 0.8  # of that time, so that the cause is told before those that wait for it


class Watchdog:
    """Ends the job where an exchange, or a user's code, takes too long.

    A thread watches while the one that made it is inside MPI. Every rank that waits says for whom,
    with its stack; a rank that prints nothing is the one that hangs.

    Parameters
    ----------
    rank, host
        This one's, for messages.
    seconds
        How long an exchange may take; a user's code has somewhat less.
    look
        Is called at every look.
    """

    def __init__(
        self, rank: int, host: str, seconds: float, look: Callable[[], object] = lambda: None
    ) -> None:
        self._rank, self._host = rank, host
        self._seconds = seconds
        self._look = look
        self._watched = threading.get_ident()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="stall watchdog", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._end.wait(min(_SECONDS_BETWEEN_LOOKS, self._seconds / 4)):
            self._look()
            if stuck := still_running(_USERS_SHARE * self._seconds):
                _end_users(self._rank, stuck)
            ranks, since = waiting.ranks, waiting.since
            if ranks is not None and time.monotonic() - since > self._seconds:
                self._report(ranks)
                time.sleep(_SECONDS_TO_REPORT)
                end_all_ranks(ExitCode.INTERNAL)

    def _report(self, ranks: str) -> None:
        frame = sys._current_frames()[self._watched]  # noqa: SLF001 - of another thread's stack
        sys.stderr.write(
            f"udsgd: error: stalled {stop_request.phase.words}: rank {self._rank} on {self._host}"
            f" waits for {ranks} since {self._seconds:g} s; a rank that prints no such line is the"
            " one that hangs\n"
            f"{''.join(traceback.format_stack(frame))}"
        )
        sys.stderr.flush()


@cache  # one, however many jobs a process runs
def watch_process(rank: int, host: str, seconds: float, *, alone: bool) -> Watchdog:
    """Watch a process that belongs to jobs alone until its end.

    It is ended, too, where it does not stop although asked, or its launcher is gone; it is asked
    to stop where the process is gone that started the launcher from Python.

    Parameters
    ----------
    alone
        Whether there is one rank, which may outlive the process that started it.
    """
    launcher = os.getppid()

    def look() -> None:
        if os.getppid() != launcher and not alone:
            os._exit(ExitCode.INTERNAL)
        if parent_is_gone():
            stop_request.stop("the process that started the ranks is gone")
        if stop_request.overdue:
            _stop_at_once(rank)

    return Watchdog(rank, host, seconds, look).__enter__()


def _end_users(rank: int, stuck: str) -> None:
    """End a job that is in a user's code for too long."""
    if rank > 0:
        time.sleep(_SECONDS_BEFORE_OTHERS)  # rank 0 may be there, too
    remedy = "end the loop, or raise --stall-timeout if a call may take so long"
    tell_failure(ExitCode.USAGE, f"on rank {rank}: {stuck}\n{remedy}")
    end_all_ranks(ExitCode.USAGE)


def _stop_at_once(rank: int) -> None:
    """End a job that was asked to stop but did not reach a point where it can."""
    if rank > 0:
        time.sleep(_SECONDS_BEFORE_OTHERS)  # rank 0 ends it, unless it was not asked or hangs
    message = stop_request.message(stop_request.phase.words)
    tell_failure(ExitCode.STOPPED, message, "udsgd: stopped: ")
    end_all_ranks(ExitCode.STOPPED)
