"""Replacing a file by a new version of it, completely or not at all."""

import os
import re
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from udsgd_mpi.support.ending import removed_at_the_end
from udsgd_mpi.support.errors import OutputError
from udsgd_mpi.support.input_file import kind_of

_TOKEN_BYTES = 8
_TEMPORARY = rf"\.[0-9a-f]{{{2 * _TOKEN_BYTES}}}\.tmp"

LONGEST_ADDITION = len("..") + 2 * _TOKEN_BYTES + len(".tmp")
"""Characters that a temporary file's name has more than that of the file it becomes."""


def target_of(path: Path) -> Path:
    """The file that a link leads to, there or not yet; a path that is no link itself.

    Raises
    ------
    OutputError
        If the link leads to itself.
    """
    if not path.is_symlink():
        return path
    target = Path(os.path.realpath(path))
    if target.is_symlink():
        raise OutputError(f"output {path}: cannot be written (a link that leads to itself)")
    return target


def replace_file(path: Path, content: bytes) -> None:
    """Write ``content`` in place of a file.

    Raises
    ------
    OutputError
        As ``replacing``.
    """
    with replacing(path) as file:
        file.write(content)


def remove_unfinished(folder: Path, name: str | None = None) -> None:
    """Remove what processes that were killed while writing have left in a folder.

    Parameters
    ----------
    name
        File that they were about to replace; None: any. Nobody else may be writing it.
    """
    pattern = re.compile(rf"\.{'.+' if name is None else re.escape(name)}{_TEMPORARY}", re.DOTALL)
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            if pattern.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                Path(entry.path).unlink(missing_ok=True)


@contextmanager
def replacing(path: Path, previous: Path | None = None) -> Iterator[BinaryIO]:
    """Write beside ``path``, force it to disk and move it into place.

    The new file has the mode of the old one. A link stays, and what it leads to is replaced.

    Parameters
    ----------
    previous
        Where the old file is kept.

    Raises
    ------
    OutputError
        If the disk is full, the folder is read-only or gone, or the path is that of a device or
        the like; the old file stays.
    """
    temporary = None
    try:
        target = _replaceable(path)
        with _new_file_beside(target) as file:
            temporary = Path(file.name)
            with removed_at_the_end(temporary.unlink):
                yield file
            file.flush()
            os.fsync(file.fileno())
        if previous and target.exists():
            target.replace(previous)
        temporary.replace(target)
        temporary = None
    except OutputError:
        raise
    except OSError as error:
        raise OutputError(
            f"output {path}: cannot be written ({error.strerror or error}); what was there before"
            " is unchanged"
        ) from error
    finally:
        if temporary:
            with suppress(OSError):
                temporary.unlink()


def _replaceable(path: Path) -> Path:
    if kind := kind_of(path):
        raise OutputError(f"output {path}: cannot be written (it is {kind})")
    return target_of(path)


def _new_file_beside(target: Path) -> BinaryIO:
    """A new file of an unpredictable name."""
    token = secrets.token_hex(_TOKEN_BYTES)
    temporary = target.with_name(f".{target.name}.{token}.tmp")
    file = temporary.open("xb")  # exclusively, so that no link of that name is followed
    with suppress(FileNotFoundError):
        os.fchmod(file.fileno(), stat.S_IMODE(target.stat().st_mode) & 0o777)
    return file
