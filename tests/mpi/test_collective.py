"""Ranks that work separately learn in the same round that one failed or was asked to stop."""

import time

import pytest
from mpi4py import MPI

from udsgd_mpi.parallel.collective import check_in, collective
from udsgd_mpi.parallel.waiting import waiting
from udsgd_mpi.support.errors import ConfigurationError, Stopped
from udsgd_mpi.support.stop_request import PREDICTING, StopRequest

pytestmark = pytest.mark.mpi
COMM = MPI.COMM_WORLD
LAST = COMM.size - 1
TOGETHER = "udsgd_mpi.parallel.collective"


def work(seconds: float) -> int:
    """Pieces of work until the time is over; their number."""
    pieces = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        check_in()
        time.sleep(0.005)
        pieces += 1
    return pieces


def test_each_rank_gets_what_it_has_found() -> None:
    for _ in range(20):
        assert collective(COMM, lambda: COMM.rank) == COMM.rank


def test_no_rank_waits_longer_than_a_piece_of_work(monkeypatch: pytest.MonkeyPatch) -> None:
    longest = 0.0
    leave = type(waiting).__exit__

    def measure(*arguments: object) -> None:
        nonlocal longest
        longest = max(longest, time.monotonic() - waiting.since)
        leave(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(type(waiting), "__exit__", measure)
    seconds = 2.0 if COMM.rank == LAST else 0.0
    collective(COMM, lambda: work(seconds))
    assert longest < 1.0


def test_a_failure_is_raised_on_all_ranks_once_all_are_done() -> None:
    def action() -> None:
        work(0.5)
        if COMM.rank == LAST:
            raise ConfigurationError("the last rank's")

    with pytest.raises(ConfigurationError, match="the last rank's"):
        collective(COMM, action)
    assert collective(COMM, lambda: 1) == 1


@pytest.mark.parametrize("works", [True, False], ids=["that-works", "that-is-done"])
def test_a_stop_that_one_rank_hears_of_ends_all(
    works: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = StopRequest()
    request.enter(PREDICTING)
    monkeypatch.setattr(f"{TOGETHER}.stop_request", request)
    started = time.monotonic()
    if COMM.rank == LAST:
        request.deadline = started + 0.4
    seconds = 30.0 if works or COMM.rank < LAST or COMM.size == 1 else 0.0
    with pytest.raises(Stopped, match="while predicting"):
        collective(COMM, lambda: work(seconds))
    assert time.monotonic() - started < 10
    monkeypatch.undo()
    assert collective(COMM, lambda: 1) == 1
