"""A process is asked to stop once, and is overdue when a phase has had the time it needs."""

import subprocess
import sys
import time

import pytest

from udsgd_mpi.support.stop_request import ENDING, POSING, SAVING, STEPPING, Phase, StopRequest


def test_nothing_is_asked_at_first() -> None:
    request = StopRequest()
    assert request.reason is None
    assert not request.overdue


@pytest.mark.parametrize(
    ("phase", "late_by", "overdue"),
    [
        (POSING, 3, False),
        (POSING, 6, True),
        (STEPPING, 6, False),
        (STEPPING, 31, True),
        (SAVING, 1e6, False),
    ],
)
def test_a_phase_has_its_grace_after_the_deadline(
    phase: Phase, late_by: float, overdue: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = StopRequest()
    request.enter(phase)
    request.deadline = now = time.monotonic() + 1
    assert request.reason is None
    monkeypatch.setattr(time, "monotonic", lambda: now + late_by)
    assert request.reason == "--max-time"
    assert request.overdue == overdue


def test_a_phase_that_begins_late_has_its_grace_from_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    request = StopRequest()
    request.deadline = now = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: now + 40)
    request.enter(POSING)
    assert not request.overdue
    monkeypatch.setattr(time, "monotonic", lambda: now + 46)
    assert request.overdue


def test_a_finished_job_has_no_deadline_any_more() -> None:
    request = StopRequest()
    request.deadline = time.monotonic() - 100
    assert request.overdue
    request.enter(ENDING)
    assert request.reason is None
    assert not request.overdue


def test_time_counts_from_the_start_of_the_process() -> None:
    code = (
        "import time; began = time.monotonic(); time.sleep(0.5)\n"
        "from udsgd_mpi.support.stop_request import StopRequest\n"
        "request = StopRequest(); request.listen(7.0, '')\n"
        "print(request.deadline - began)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert 5.0 < float(done.stdout) < 7.1  # Python had begun a little before the code
