"""Where a command may write, so that it replaces nothing that it did not make."""

import errno
import os
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import NamedTuple

from udsgd_mpi.support.atomic_file import LONGEST_ADDITION, target_of
from udsgd_mpi.support.errors import ConfigurationError, OutputError
from udsgd_mpi.support.input_file import kind_of

_BYTES_WITH_MARK = 2**16


class Destination(NamedTuple):
    """A file that a command is to write.

    Attributes
    ----------
    name
        What it is in messages, e.g. ``"--csv a.csv"``.
    mark
        Stands near the beginning or the end of every such file that was made for the same; None
        where no file is known as such.
    """

    name: str
    path: Path
    mark: bytes | None = None

    @property
    def taken(self) -> str | None:
        """Why the path is taken by another file; None where it is free."""
        if not os.path.lexists(self.path):
            return None
        if self.mark is None:
            return f"{self.name} already exists"
        if kind_of(self.path) is None and self.mark in _ends_of(target_of(self.path)):
            return None
        return f"{self.name} already exists, and this command did not make it"


def check_destinations(
    destinations: Sequence[Destination], inputs: Mapping[str, Path], *, force: bool
) -> None:
    """Refuse, before any work, files that can't be written or whose content would be lost.

    Parameters
    ----------
    inputs
        Files that are read, by what they are in messages.
    force
        Whether a file that is there already may be replaced; no input is, and no device.

    Raises
    ------
    ConfigurationError
        With what is in the way.
    OutputError
        If no file can have the name.
    """
    for each in destinations:
        check_place(each.name, each.path)
        check_apart(each.name, each.path, inputs)
    for one, other in combinations(destinations, 2):
        check_apart(one.name, one.path, {other.name: other.path})
    for each in destinations:
        if not force and (taken := each.taken):
            raise ConfigurationError(f"{taken}; use --force to replace it, or another name")


def check_place(name: str, path: Path) -> None:
    """Refuse a path where no file can be put.

    Parameters
    ----------
    name
        What it is in messages.

    Raises
    ------
    ConfigurationError
        If its folder does not exist, or a folder, a device or the like is there.
    OutputError
        If no file can have the name.
    """
    try:
        kind = kind_of(path)
        folder = target_of(path).absolute().parent
        longest = os.pathconf(folder, "PC_NAME_MAX") if folder.is_dir() else None
    except OSError as error:
        raise OutputError(f"{name}: cannot be written ({error.strerror or error})") from error
    if kind:
        raise ConfigurationError(f"{name}: expected a file or a new name, got {kind}")
    if longest is None:
        raise ConfigurationError(
            f"{name}: expected an existing folder, got none at {folder}; create it first"
        )
    if len(os.fsencode(target_of(path).name)) + LONGEST_ADDITION > longest:
        raise OutputError(f"{name}: cannot be written ({os.strerror(errno.ENAMETOOLONG)})")


def check_apart(name: str, path: Path, others: Mapping[str, Path]) -> None:
    """Refuse a path that leads to the same file as another.

    Raises
    ------
    ConfigurationError
        With both.
    """
    place = _place(path)
    for other, its_path in others.items():
        if _place(its_path) == place:
            raise ConfigurationError(
                f"{name}: expected a file of its own, got the same as {other}; use another name"
            )


def _place(path: Path) -> object:
    """The same of all names of a file."""
    try:
        status = path.stat()
    except (OSError, ValueError):
        return os.path.realpath(path)
    return status.st_dev, status.st_ino


def _ends_of(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            beginning = file.read(_BYTES_WITH_MARK)
            file.seek(max(0, path.stat().st_size - _BYTES_WITH_MARK))
            return beginning + file.read()
    except OSError:
        return b""
