"""A rank that fails ends the whole job in seconds, with its traceback and exit code."""

import re
import time
from pathlib import Path

import pytest

from tests.launch import python, udsgd

pytestmark = pytest.mark.launcher
ROOT = Path(__file__).parent.parent
RUN = ("--agents", 6, "--steps", 200, "--trials", 2, "--set", "record.steps=[100]")
SECONDS = 5


def failing_run(how: str, rank: int, folder: Path) -> tuple[int, str, float]:
    """Exit code, stderr and seconds from the failure to the end of the job."""
    done = python(
        *("-m", "tests.failing_run", how, rank, *RUN, "--force"),
        ranks=3,
        cwd=folder,
        PYTHONPATH=str(ROOT),
    )
    ended = time.time()
    failed = re.search(r"failing at ([\d.]+)", done.stdout)
    assert failed, done.stderr
    return done.returncode, done.stderr, ended - float(failed[1])


@pytest.mark.parametrize("rank", [0, 1, 2])
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


@pytest.mark.parametrize("how", ["os._exit", "kill"])
def test_a_rank_that_vanishes(how: str, tmp_path: Path) -> None:
    code, _, seconds = failing_run(how, 1, tmp_path)
    assert code != 0
    assert seconds < SECONDS


def test_a_full_disk_leaves_the_earlier_results_whole(tmp_path: Path) -> None:
    assert udsgd(*RUN, cwd=tmp_path).returncode == 0
    code, stderr, seconds = failing_run("full disk", 0, tmp_path)
    assert code == 74
    assert "udsgd: error: output udsgd.h5: cannot be written (File too large)" in stderr
    assert "Traceback" not in stderr
    assert seconds < SECONDS
    assert udsgd("inspect", "udsgd.h5", cwd=tmp_path).returncode == 0
    assert {path.name for path in tmp_path.iterdir()} == {"udsgd.h5", "udsgd.png"}
