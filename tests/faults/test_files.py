"""Disks that are full, folders that vanish, and two jobs for one file."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import h5py
import pytest

from tests.faults.jobs import Job
from tests.faults.test_one_rank import RUN, failing_run
from tests.launch import udsgd

pytestmark = pytest.mark.launcher
OUTPUT = "udsgd.h5"
NOT_WRITTEN = 74


def test_a_file_size_limit_leaves_the_earlier_results_whole(tmp_path: Path) -> None:
    assert udsgd(*RUN, cwd=tmp_path).returncode == 0
    code, stderr, seconds = failing_run("full disk", 0, tmp_path)
    assert code == NOT_WRITTEN
    assert "udsgd: error: output udsgd.h5: cannot be written (File too large)" in stderr
    assert "Traceback" not in stderr
    assert seconds < 5
    assert udsgd("inspect", OUTPUT, cwd=tmp_path).returncode == 0
    assert {path.name for path in tmp_path.iterdir()} == {OUTPUT}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 1 MB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if os.getuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("only root may mount a small file system, where the machine lets it")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)  # noqa: S607


def test_a_disk_that_fills_up(small_disk: Path, tmp_path: Path) -> None:
    output = small_disk / OUTPUT
    many = ("--agents", 2, "--steps", 4000, "--trials", 40, "--checkpoint-every", "0.2s")
    done = udsgd(*many, "--output", output, ranks=2, cwd=tmp_path)
    assert done.returncode == NOT_WRITTEN, done.stderr
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
    with h5py.File(output) as file:
        assert file.attrs["status"] == "running"
    assert not list(small_disk.rglob("*.tmp"))


def test_a_folder_that_vanishes(tmp_path: Path) -> None:
    folder = tmp_path / "results"
    folder.mkdir()
    long = ("--agents", 2, "--steps", 10**6, "--trials", 2, "--checkpoint-every", "1s")
    job = Job(*long, "--output", folder / OUTPUT, ranks=2, cwd=tmp_path)
    job.wait_until(folder / OUTPUT)
    shutil.rmtree(folder)
    assert job.wait() == NOT_WRITTEN
    assert "Traceback" not in job.log.read_text()


def test_two_jobs_for_one_file(tmp_path: Path) -> None:
    long = ("--agents", 2, "--steps", 10**6, "--trials", 2)
    job = Job(*long, ranks=2, cwd=tmp_path)
    job.wait_until(tmp_path / OUTPUT)
    done = udsgd(*long, "--force", cwd=tmp_path)
    assert done.returncode == 2
    assert f"is being written by process {min(job.ranks())} on host" in done.stderr
    job.kill()
    assert (tmp_path / f".{OUTPUT}.lock").exists()
    assert udsgd(*RUN, "--force", cwd=tmp_path).returncode == 0
    assert not (tmp_path / f".{OUTPUT}.lock").exists()


def test_watching_a_run(tmp_path: Path) -> None:
    long = ("--agents", 2, "--steps", 10**6, "--trials", 2, "--checkpoint-every", "0.3s")
    job = Job(*long, ranks=2, cwd=tmp_path)
    job.wait_until(tmp_path / f"{OUTPUT}.checkpoints")
    seen = ""
    while "n = " not in seen:
        seen = udsgd("watch", OUTPUT, "--once", cwd=tmp_path).stdout
    job.kill()
    assert "  running  all-srw  n = " in seen
