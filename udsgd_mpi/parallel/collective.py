"""Actions of one rank for all, and of every rank for itself, that fail on all ranks."""

import time
from collections.abc import Callable
from typing import TypeVar

import numpy as np
from mpi4py import MPI

from udsgd_mpi.parallel.waiting import waiting
from udsgd_mpi.support.errors import ConfigurationError, OutputError, Stopped
from udsgd_mpi.support.stop_request import stop_request

T = TypeVar("T")

_FIRST_SLEEP, _LONGEST_SLEEP = 5e-5, 1e-3  # the longest for every two ranks
_SECONDS_BETWEEN_ROUNDS = 0.2


def on_root(comm: MPI.Intracomm, action: Callable[[], T]) -> T | None:
    """Result of an action that rank 0 takes for all; None on the other ranks.

    Raises
    ------
    ConfigurationError, OutputError
        On every rank, where rank 0 raised one.
    Stopped
        As ``collective``.
    """
    return collective(comm, action if comm.rank == 0 else lambda: None)


def collective(comm: MPI.Intracomm, action: Callable[[], T]) -> T:
    """Result of an action that every rank takes for itself.

    Raises
    ------
    ConfigurationError, OutputError
        On every rank, where one raised it: that of the lowest such rank.
    Stopped
        On every rank, where one was asked to stop.
    """
    failure: Exception | None = None
    rounds = _Rounds(comm)
    _running.append(rounds)
    try:
        result = action()
    except ConfigurationError as error:
        failure = ConfigurationError(str(error))
    except OutputError as error:
        failure = OutputError.of_all(str(error))
    finally:
        _running.pop()
    if not rounds.has_failed(failure is not None):
        return result
    raise next(found for found in comm.allgather(failure) if found is not None)


def check_in() -> None:
    """Report between two pieces of an action that this rank still works, and learn of a stop.

    Raises
    ------
    Stopped
        If a rank was asked to stop; sooner or later on every rank.
    """
    if _running:
        _running[-1].check_in()


def wait_quietly(comm: MPI.Comm) -> None:
    """A barrier that leaves the processor to the ranks that work."""
    _wait_quietly(comm.Ibarrier(), comm.size)


class _Rounds:
    """Rounds in which all ranks learn whether one still works, has failed or was asked to stop.

    A rank that works takes part in the next round between two pieces of its work, and does not
    wait for it. One that is done waits for no longer than another's piece of work takes.
    """

    def __init__(self, comm: MPI.Intracomm) -> None:
        self._comm = comm
        self._next = time.monotonic() + _SECONDS_BETWEEN_ROUNDS
        self._request: MPI.Request | None = None
        self._mine, self._any = np.zeros((2, 3), dtype=np.int64)  # works, has failed, is to stop

    def check_in(self) -> None:
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + _SECONDS_BETWEEN_ROUNDS
        if self._request and self._request.Test():
            self._end_round()
        if self._request is None:
            self._request = self._begin_round(works=True, failed=False)

    def has_failed(self, failed: bool) -> bool:
        """Whether any rank has failed, once all are done."""
        while True:
            request = self._request or self._begin_round(works=False, failed=failed)
            _wait_quietly(request, self._comm.size)
            self._end_round()
            if not self._any[0]:
                return bool(self._any[1])

    def _begin_round(self, *, works: bool, failed: bool) -> MPI.Request:
        self._mine[:] = works, failed, stop_request.reason is not None
        return self._comm.Iallreduce(self._mine, self._any, MPI.MAX)

    def _end_round(self) -> None:
        self._request = None
        if self._any[2]:
            raise Stopped(stop_request.phase.words)


_running: list[_Rounds] = []


def _wait_quietly(request: MPI.Request, ranks: int) -> None:
    """Wait for all ranks, polling ever more rarely, as polls of many take processor time.

    Parameters
    ----------
    ranks
        Their number.
    """
    seconds = _FIRST_SLEEP
    with waiting("all ranks"):
        while not request.Test():
            time.sleep(seconds)
            seconds = min(1.05 * seconds, _LONGEST_SLEEP * max(1, ranks // 2))
