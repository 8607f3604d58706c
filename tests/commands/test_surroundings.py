"""Machines without a home, a private cache or a working folder work, or say what is missing."""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import udsgd_mpi.kernels.cache
from tests.launch import udsgd
from udsgd_mpi.cli.main import main
from udsgd_mpi.cluster.site import Site, read_site
from udsgd_mpi.data import archive
from udsgd_mpi.kernels.cache import cache_folder, trusted_cache
from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.support.launcher import cores, processors
from udsgd_mpi.support.users_folders import cache_root, is_private, make_private

NO_USER = """
import pwd
def nobody(uid):
    raise KeyError(uid)
pwd.getpwuid = nobody
"""


@pytest.fixture
def homeless(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(_: int) -> None:
        raise KeyError

    monkeypatch.setattr("pwd.getpwuid", nobody)
    for name in ("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "UDSGD_DATA"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where the kernels of this test would be."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(udsgd_mpi.kernels.cache.config, "CACHE_DIR", "")
    for each in (cache_folder, trusted_cache):
        each.cache_clear()
    found = cache_folder()
    assert found is not None
    yield found
    for each in (cache_folder, trusted_cache):
        each.cache_clear()


def test_a_cache_is_made_for_its_user_alone(own_cache: Path, tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        assert trusted_cache() == own_cache
    finally:
        os.umask(old)
    for folder in (own_cache, own_cache.parent):
        assert folder.stat().st_mode & 0o777 == 0o700
    assert own_cache.parent.parent == tmp_path


def _open_to_all(folder: Path) -> None:
    folder.chmod(0o777)


def _open_to_the_group(folder: Path) -> None:
    folder.chmod(0o770)


def _a_link(folder: Path) -> None:
    folder.rename(folder.with_name("elsewhere"))
    folder.symlink_to(folder.with_name("elsewhere"))


def _of_another_user(folder: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root may give a folder away")
    os.chown(folder, 12345, 12345)


@pytest.mark.parametrize("change", [_open_to_all, _open_to_the_group, _a_link, _of_another_user])
def test_a_cache_that_others_may_have_written_is_not_used(
    change: Callable[[Path], None], own_cache: Path, caplog: pytest.LogCaptureFixture
) -> None:
    make_private(own_cache)
    assert is_private(own_cache)
    change(own_cache)
    assert trusted_cache() is None
    assert trusted_cache() is None
    assert caplog.text.count("not used, as other users can write to it") == 1


def test_relative_names_of_folders_are_ignored(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "relative/cache")
    monkeypatch.setenv("HOME", "/home/someone")
    assert cache_root() == Path("/home/someone/.cache")
    monkeypatch.setenv("XDG_CACHE_HOME", "/absolute")
    assert cache_root() == Path("/absolute")


@pytest.mark.usefixtures("homeless")
def test_without_a_home() -> None:
    assert cache_root() is None
    assert read_site(None) == Site()
    with pytest.raises(ConfigurationError, match="--site big: expected a home directory"):
        read_site("big")
    with pytest.raises(ConfigurationError, match="set UDSGD_DATA to the folder"):
        archive.fetch(archive.DATA_SETS["a9a"])


@pytest.mark.slow
@pytest.mark.launcher
def test_a_run_without_a_home_compiles_for_itself(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(NO_USER)
    path = f"{tmp_path}:{Path(udsgd_mpi.__file__).parents[1]}"
    empty = dict.fromkeys(("HOME", "XDG_CACHE_HOME", "NUMBA_CACHE_DIR"), "")
    small = ("--agents", 2, "--steps", 20, "--trials", 2, "--only", "all-srw")
    done = udsgd(*small, cwd=tmp_path, PYTHONPATH=path, timeout=220, **empty)
    assert done.returncode == 0, done.stderr


@pytest.mark.launcher
@pytest.mark.parametrize("ranks", [None, 3])
def test_kernels_that_may_not_be_compiled(ranks: int | None, tmp_path: Path) -> None:
    done = udsgd("--steps", 5, ranks=ranks, cwd=tmp_path, timeout=60, NUMBA_DISABLE_JIT="1")
    assert done.returncode == 2
    assert done.stderr.count("NUMBA_DISABLE_JIT: expected it not to be set") == 1


@pytest.mark.parametrize(
    "command", [["run"], ["report", "/x.h5"], ["status", "x.h5"], ["topology", "ring", "-n", "5"]]
)
def test_a_working_folder_that_is_gone(
    command: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert main(command) == 2
    said = capsys.readouterr().err
    assert said.startswith("udsgd: error: working folder: expected an existing folder, got none")
    assert said.count("\n") == 1


def test_a_system_that_binds_no_process(monkeypatch: pytest.MonkeyPatch) -> None:
    assert cores() == len(os.sched_getaffinity(0))
    monkeypatch.delattr("os.sched_getaffinity")
    assert processors() == set(range(os.cpu_count() or 1))
    assert cores() == os.cpu_count()


def test_a_download_without_a_known_checksum_is_logged_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "mirror").mkdir()
    (tmp_path / "mirror" / "a9a").write_text("1 1:1\n")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("UDSGD_DATA", (tmp_path / "mirror").as_uri())

    def retrieve(address: str, _: None, *, fname: str, path: Path, processor: None) -> str:
        assert processor is None  # no archive
        path.mkdir(parents=True, exist_ok=True)
        (path / fname).write_text(Path(address.removeprefix("file://")).read_text())
        return str(path / fname)

    monkeypatch.setattr("pooch.retrieve", retrieve)
    for _ in range(2):
        assert archive.fetch(archive.DATA_SETS["a9a"]).read_text() == "1 1:1\n"
    assert len(re.findall(r"no checksum of it is known here.*SHA-256 \w{64}", caplog.text)) == 1
