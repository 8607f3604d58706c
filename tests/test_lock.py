"""One job for one file: whose lock is in the way, and whose is stale."""

import json
import socket
from pathlib import Path

import pytest

from udsgd_mpi.atomic_file import remove_unfinished
from udsgd_mpi.errors import ConfigurationError
from udsgd_mpi.storage.lock import locked


def left_behind(folder: Path, **holder: object) -> Path:
    """The lock of a process that is gone, and the file that it protects."""
    found = {"process": 1234, "host": "elsewhere", "since": "2026-01-01", "slurm_job": None}
    (folder / ".a.h5.lock").write_text(json.dumps(found | holder))
    return folder / "a.h5"


def test_a_lock_is_gone_with_its_holder(tmp_path: Path) -> None:
    with locked(tmp_path / "a.h5"):
        assert (tmp_path / ".a.h5.lock").exists()
    assert list(tmp_path.iterdir()) == []


def test_a_second_holder_is_told_of_the_first(tmp_path: Path) -> None:
    with (
        locked(tmp_path / "a.h5"),
        pytest.raises(ConfigurationError, match=f"on host {socket.gethostname()} since"),
        locked(tmp_path / "a.h5"),
    ):
        pass


def test_a_stale_lock_of_this_host_is_taken_over(tmp_path: Path) -> None:
    with locked(left_behind(tmp_path, host=socket.gethostname())):
        pass


def test_a_lock_of_another_host_is_explained(tmp_path: Path) -> None:
    with (
        pytest.raises(ConfigurationError, match=r"process 1234 on host elsewhere.*remove"),
        locked(left_behind(tmp_path)),
    ):
        pass


def test_a_requeued_job_knows_its_own_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", "77")
    monkeypatch.delenv("SLURM_CLUSTER_NAME", raising=False)
    with locked(left_behind(tmp_path, slurm_job="77")):
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
            locked(left_behind(tmp_path, slurm_job="77", cluster=cluster)),
        ):
            pass
    with locked(left_behind(tmp_path, slurm_job="77", cluster="c")):
        pass


def test_a_lock_that_says_nothing(tmp_path: Path) -> None:
    (tmp_path / ".a.h5.lock").write_text("[1")
    with locked(tmp_path / "a.h5"):
        pass


def test_what_killed_writers_have_left_goes(tmp_path: Path) -> None:
    for name in (".a.h5.12.tmp", ".b.h5.12.tmp", "a.h5", ".a.h5.tmp"):
        (tmp_path / name).touch()
    remove_unfinished(tmp_path, "a.h5")
    assert {path.name for path in tmp_path.iterdir()} == {".b.h5.12.tmp", "a.h5", ".a.h5.tmp"}
