"""A file is replaced whole or not at all, and nothing beside it is touched."""

import os
from pathlib import Path

import pytest

from udsgd_mpi.support.atomic_file import remove_unfinished, replace_file, replacing
from udsgd_mpi.support.errors import OutputError

LEFT = ".0123456789abcdef.tmp"


@pytest.fixture
def umask() -> int:
    mask = os.umask(0o027)
    yield 0o027
    os.umask(mask)


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o7777


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    (tmp_path / "old").write_bytes(b"old")
    with pytest.raises(OutputError, match="cannot be written"):
        replace_file(tmp_path / "gone" / "new", b"new")
    for failure, seen in ((OSError("full"), OutputError), (KeyboardInterrupt(), KeyboardInterrupt)):
        with pytest.raises(seen), replacing(tmp_path / "old"):
            raise failure
    assert (tmp_path / "old").read_bytes() == b"old"
    replace_file(tmp_path / "old", b"new")
    assert (tmp_path / "old").read_bytes() == b"new"
    assert names(tmp_path) == {"old"}


def test_a_new_file_has_the_mode_of_the_umask_and_a_replaced_one_its_own(
    tmp_path: Path, umask: int
) -> None:
    path = tmp_path / "a"
    replace_file(path, b"1")
    assert mode(path) == 0o666 & ~umask
    path.chmod(0o604)
    replace_file(path, b"2")
    assert mode(path) == 0o604


@pytest.mark.parametrize("there", [True, False])
def test_a_link_is_written_through(there: bool, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    if there:
        (folder / "real").write_bytes(b"old")
    (tmp_path / "link").symlink_to("folder/real")
    (tmp_path / "link to link").symlink_to("link")
    replace_file(tmp_path / "link to link", b"new")
    assert (tmp_path / "link to link").readlink() == Path("link")
    assert (tmp_path / "link").readlink() == Path("folder/real")
    assert (folder / "real").read_bytes() == b"new"
    assert names(folder) == {"real"}


def test_what_is_no_file_is_not_replaced(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "null").symlink_to("/dev/null")
    (tmp_path / "folder").mkdir()
    before = names(tmp_path)
    for name in before:
        status = (tmp_path / name).lstat()
        with pytest.raises(OutputError):
            replace_file(tmp_path / name, b"new")
        assert (tmp_path / name).lstat().st_mode == status.st_mode
    assert names(tmp_path) == before


def test_a_name_that_is_too_long_or_none_at_all(tmp_path: Path) -> None:
    for name in ("a" * 300, "a\0b"):
        with pytest.raises(OutputError, match="cannot be written"):
            replace_file(tmp_path / name, b"new")
    assert names(tmp_path) == set()


def test_what_killed_writers_have_left_goes(tmp_path: Path) -> None:
    others = {
        f".b.h5{LEFT}",
        f".a.h5.h5{LEFT}",
        f".b.a.h5{LEFT}",
        "a.h5",
        ".a.h5.tmp",
        ".a.h5.tmp~",
    }
    for name in (f".a.h5{LEFT}", *others):
        (tmp_path / name).touch()
    remove_unfinished(tmp_path, "a.h5")
    assert names(tmp_path) == others
    remove_unfinished(tmp_path)
    assert names(tmp_path) == {"a.h5", ".a.h5.tmp", ".a.h5.tmp~"}


@pytest.mark.parametrize("name", ["*.h5", "a[1].h5", "?.h5", "a.*"])
def test_a_name_with_signs_of_patterns_is_a_name(name: str, tmp_path: Path) -> None:
    others = {f".{other}{LEFT}" for other in ("a1.h5", "b.h5", "a.h5")}
    for left in (*others, f".{name}{LEFT}"):
        (tmp_path / left).touch()
    remove_unfinished(tmp_path, name)
    assert names(tmp_path) == others


def test_temporary_names_cannot_be_foreseen(tmp_path: Path) -> None:
    found = set()
    for _ in range(3):
        with replacing(tmp_path / "a"):
            found |= names(tmp_path) - {"a"}
    assert len(found) == 3
