"""Replacing a file by a new version of it, whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from udsgd_mpi.errors import OutputError

_SUFFIX = ".tmp"


def replace_file(path: Path, content: bytes) -> None:
    """Write ``content`` in place of a file.

    Raises
    ------
    OutputError
        As ``replacing``.
    """
    with replacing(path) as file:
        file.write(content)


def remove_unfinished(folder: Path, name: str = "*") -> None:
    """Remove what processes that were killed while writing have left in a folder.

    Parameters
    ----------
    name
        File that they were about to replace.
    """
    for path in folder.glob(f".{name}.[0-9]*{_SUFFIX}"):
        path.unlink(missing_ok=True)


@contextmanager
def replacing(path: Path, previous: Path | None = None) -> Iterator[BinaryIO]:
    """Write beside ``path``, force it to disk and move it into place.

    Parameters
    ----------
    previous
        Where the old file is kept.

    Raises
    ------
    OutputError
        If the disk is full, or the folder is read-only or gone; the old file stays.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}{_SUFFIX}")
    try:
        with temporary.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if previous and path.exists():
            path.replace(previous)
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise OutputError(
            f"output {path}: cannot be written ({error.strerror}); what was there before is"
            " unchanged"
        ) from error
