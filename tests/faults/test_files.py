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
from udsgd_mpi.cli.main import main

pytestmark = pytest.mark.launcher
OUTPUT = "udsgd.h5"
NOT_WRITTEN = 74


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_file_size_limit_leaves_the_earlier_results_whole(folder: Path) -> None:
    assert main([*map(str, RUN)]) == 0
    code, stderr, seconds = failing_run("full disk", 0, folder)
    assert code == NOT_WRITTEN
    assert "udsgd: error: output udsgd.h5: cannot be written (File too large)" in stderr
    assert "Traceback" not in stderr
    assert seconds < 5
    assert main(["inspect", OUTPUT]) == 0
    assert {path.name for path in folder.iterdir()} == {OUTPUT}


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
    many = ("--agents", 2, "--steps", 4000, "--trials", 40, "--checkpoint-every", "0.2s", "--quiet")
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


def test_two_jobs_for_one_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    job = Job("--agents", 2, "--steps", 10**6, "--trials", 2, ranks=2, cwd=folder)
    job.wait_until(folder / OUTPUT)
    again = [*map(str, RUN), "--force"]
    assert main(again) == 2
    said = capsys.readouterr().err
    assert f"is being written by process {min(job.ranks())} on host" in said
    job.kill()
    assert (folder / f".{OUTPUT}.lock").exists()
    assert main(again) == 0
    assert not (folder / f".{OUTPUT}.lock").exists()


def test_watching_a_run(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    long = ("--agents", 2, "--steps", 10**6, "--trials", 2, "--checkpoint-every", "0.3s")
    job = Job(*long, ranks=2, cwd=folder)
    job.wait_until(folder / f"{OUTPUT}.checkpoints")
    seen = ""
    while "n = " not in seen:
        main(["watch", OUTPUT, "--once"])
        seen = capsys.readouterr().out
    job.kill()
    assert "  running  all-srw  n = " in seen
