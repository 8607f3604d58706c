"""One job for one file: whose lock is in the way, and whose is stale."""

import json
import os
import resource
import signal
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from udsgd_mpi.cluster.slurm import has_ended
from udsgd_mpi.storage.lock import locked
from udsgd_mpi.support.errors import ConfigurationError, OutputError


def left_behind(folder: Path, **holder: object) -> Path:
    """The lock of a process that is gone, and the file that it protects."""
    found = {"process": 1234, "host": "elsewhere", "since": "2026-01-01", "slurm_job": None}
    (folder / ".a.h5.lock").write_text(json.dumps(found | holder))
    return folder / "a.h5"


def test_a_lock_is_gone_with_its_holder(tmp_path: Path) -> None:
    with locked(tmp_path / "a.h5", has_ended):
        assert (tmp_path / ".a.h5.lock").exists()
    assert list(tmp_path.iterdir()) == []


def test_a_second_job_is_told_who_holds_the_lock(tmp_path: Path) -> None:
    with (
        locked(tmp_path / "a.h5", has_ended),
        pytest.raises(ConfigurationError, match=f"on host {socket.gethostname()} since"),
        locked(tmp_path / "a.h5", has_ended),
    ):
        pass


def test_a_stale_lock_of_this_host_is_taken_over(tmp_path: Path) -> None:
    with locked(left_behind(tmp_path, host=socket.gethostname()), has_ended):
        pass


def test_a_lock_of_another_host_is_explained(tmp_path: Path) -> None:
    with (
        pytest.raises(ConfigurationError, match=r"process 1234 on host elsewhere.*remove"),
        locked(left_behind(tmp_path), has_ended),
    ):
        pass


def test_a_requeued_job_knows_its_own_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "77")
    monkeypatch.delenv("SLURM_CLUSTER_NAME", raising=False)
    with locked(left_behind(tmp_path, slurm_job="77"), has_ended):
        pass


def test_a_lock_of_a_job_that_has_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    squeue = tmp_path / "squeue"
    squeue.write_text('#!/bin/sh\necho "$6|$STATE|None"\n')
    squeue.chmod(0o755)
    for name, value in {"PATH": str(tmp_path), "SLURM_CLUSTER_NAME": "c"}.items():
        monkeypatch.setenv(name, value)
    for state, cluster in (("RUNNING", "c"), ("FAILED", "other")):
        monkeypatch.setenv("STATE", state)
        with (
            pytest.raises(ConfigurationError, match="on host elsewhere"),
            locked(left_behind(tmp_path, slurm_job="77", cluster=cluster), has_ended),
        ):
            pass
    with locked(left_behind(tmp_path, slurm_job="77", cluster="c"), has_ended):
        pass


@pytest.mark.parametrize("begun", ["", '{"proc', '{"process": 12, "ho'])
def test_a_lock_of_which_little_was_written(begun: str, tmp_path: Path) -> None:
    (tmp_path / ".a.h5.lock").write_text(begun)
    with locked(tmp_path / "a.h5", has_ended):
        pass


def test_something_else_of_the_name_of_a_lock_stays(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    path = tmp_path / ".a.h5.lock"
    makers: list[Callable[[], object]] = [
        lambda: path.symlink_to("mine"),
        lambda: path.symlink_to("nowhere"),
        lambda: path.write_text("mine"),
        path.mkdir,
        lambda: os.mkfifo(path),
    ]
    for make in makers:
        make()
        before = path.lstat()
        with (
            pytest.raises(ConfigurationError, match="expected a lock"),
            locked(tmp_path / "a.h5", has_ended),
        ):
            pass
        assert path.lstat() == before
        path.rmdir() if path.is_dir() else path.unlink()
    assert {each.name for each in tmp_path.iterdir()} == {"mine"}
    assert (tmp_path / "mine").read_text() == "mine"


def test_two_names_of_one_file_are_one_lock(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link.h5").symlink_to("folder/a.h5")
    (tmp_path / "linked").symlink_to("folder")
    with locked(tmp_path / "link.h5", has_ended):
        for name in ("folder/a.h5", "linked/a.h5"):
            with (
                pytest.raises(ConfigurationError, match="is being written"),
                locked(tmp_path / name, has_ended),
            ):
                pass


def test_a_lock_that_does_not_fit_on_the_disk(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, before[1]))
    try:
        with (
            pytest.raises(OutputError, match="cannot be locked"),
            locked(tmp_path / "a.h5", has_ended),
        ):
            pass
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert list(tmp_path.iterdir()) == []
