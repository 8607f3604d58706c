"""A rank that fails ends the whole job in seconds, with its traceback and exit code."""

import re
import signal
import time
from pathlib import Path

import pytest
from mpi4py import MPI

from tests.faults.jobs import Job
from tests.launch import python

pytestmark = pytest.mark.launcher
ROOT = Path(__file__).parents[2]
RUN = (
    *("--agents", 6, "--steps", 200, "--trials", 2, "--quiet"),
    *("--set", "record={steps=[100], predict=false}"),
)
SECONDS = 5


def failing_run(how: str, rank: int, folder: Path, *flags: str) -> tuple[int, str, float]:
    """Exit code, stderr and seconds from the failure to the end of the job."""
    done = python(
        *("-m", "tests.faults.failing_run", how, rank, *RUN, *flags, "--force"),
        ranks=3,
        cwd=folder,
        PYTHONPATH=str(ROOT),
    )
    ended = time.time()
    failed = re.search(r"failing at ([\d.]+)", done.stdout)
    assert failed, done.stderr
    return done.returncode, done.stderr, ended - float(failed[1])


@pytest.mark.parametrize("rank", [0, pytest.param(1, marks=pytest.mark.slow), 2])
def test_an_exception_on_any_rank(rank: int, tmp_path: Path) -> None:
    code, stderr, seconds = failing_run("raise", rank, tmp_path)
    assert code == 70
    assert f"udsgd: internal error on rank {rank}" in stderr
    assert stderr.count("RuntimeError: a failure of no kind in particular") == 1
    assert seconds < SECONDS


def test_sys_exit_on_one_rank(tmp_path: Path) -> None:
    code, _, seconds = failing_run("sys.exit", 2, tmp_path)
    assert code == 70
    assert seconds < SECONDS


@pytest.mark.parametrize(
    "how", ["os._exit", "segfault", pytest.param("kill", marks=pytest.mark.slow)]
)
def test_a_rank_that_vanishes(how: str, tmp_path: Path) -> None:
    code, _, seconds = failing_run(how, 1, tmp_path)
    assert code != 0
    assert seconds < SECONDS


def test_a_rank_that_hangs_is_found_by_the_others(tmp_path: Path) -> None:
    code, stderr, seconds = failing_run("stop", 1, tmp_path, "--stall-timeout", "5s")
    assert code != 0
    assert seconds < SECONDS + 5 + 2  # the time-out, and the time to report
    assert re.search(
        r"stalled while stepping: rank [02] on \S+ waits for (all ranks|ranks? [\d, ]*1\b)", stderr
    )
    assert "stepping: rank 1" not in stderr
    assert "in unified_distributed_sgd" in stderr


def test_ranks_end_with_a_launcher_that_is_killed(tmp_path: Path) -> None:
    job = Job(*RUN[:2], "--steps", 10**6, ranks=2, cwd=tmp_path)
    job.wait_until(tmp_path / "udsgd.h5")
    job.send(signal.SIGKILL, job.launcher.pid)
    started = time.monotonic()
    job.wait()
    assert time.monotonic() - started < SECONDS


@pytest.mark.skipif(MPI.get_vendor()[0] != "Open MPI", reason="other launchers have no such folder")
def test_a_launcher_finds_no_folder_of_one_that_was_killed(tmp_path: Path) -> None:
    """A process number comes again, and with it the name of what a killed launcher has left."""
    done = python("-c", "import os; print(os.environ['PMIX_SERVER_TMPDIR'])", ranks=1, cwd=tmp_path)
    own = Path(done.stdout.strip()).parent
    assert own.name.startswith("udsgd-")
    assert not own.exists()
