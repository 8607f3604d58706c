"""Files by name, in a folder, a tar file or a zip file alike."""

import os
import tarfile
import zipfile
import zlib
from collections.abc import Collection, Iterator
from lzma import LZMAError
from pathlib import Path
from typing import Protocol

from udsgd_mpi.data.images.pixels import NotImages
from udsgd_mpi.support.input_file import FileVersion, kind_of, open_unpacked

_TAR_MAGIC, _TAR_MAGIC_AT = b"ustar", 257
_ZIP_MAGIC = (b"PK\x03\x04", b"PK\x05\x06")


class Container(Protocol):
    """Files by their names within it, such as ``train/cat/1.png``; hidden ones are left out.

    Attributes
    ----------
    names
        Of the files, sorted.
    folders
        Names of the folders that have an entry of their own, with or without files in them.
    """

    names: list[str]
    folders: list[str]

    def contents(self, names: Collection[str]) -> Iterator[tuple[str, bytes]]:
        """Some files and what they hold, in the order that is fastest.

        Raises
        ------
        NotImages
            If one can't be read.
        """


def opened(path: Path) -> Container | None:
    """What a path holds; None where it is neither a folder nor a tar nor a zip file.

    Raises
    ------
    NotImages
        If a name in it leads out of it, or stands for no regular file.
    OSError
        If it can't be read; from packed files also EOFError, zlib.error, LZMAError, TarError or
        BadZipFile.
    """
    if path.is_dir():
        return Folder(path)
    if kind_of(path):
        return None
    try:
        with path.open("rb") as file:
            first = file.read(4)
        with open_unpacked(path) as stream:
            head = stream.read(_TAR_MAGIC_AT + len(_TAR_MAGIC))
    except (EOFError, OSError, zlib.error, LZMAError):  # reading it says so
        return None
    if first in _ZIP_MAGIC:
        return Zip(path)
    return Tar(path) if head[_TAR_MAGIC_AT:] == _TAR_MAGIC else None


def version(path: Path) -> tuple[FileVersion, ...]:
    """A key for caches of what a path holds."""
    if not path.is_dir():
        return (FileVersion.of(path),)
    return tuple(FileVersion.of(path / name) for name in Folder(path).names)


class Folder:
    """A folder, links followed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.names: list[str] = []
        self.folders: list[str] = []
        seen: set[str] = set()
        for place, folders, files in os.walk(path, onerror=_raise, followlinks=True):
            folders[:] = sorted(name for name in folders if not _is_hidden(name))
            if (real := os.path.realpath(place)) in seen:  # a link to a folder above it
                folders.clear()
                continue
            seen.add(real)
            below = Path(place).relative_to(path)
            self.folders += [(below / name).as_posix() for name in folders]
            self.names += [(below / name).as_posix() for name in files if not _is_hidden(name)]
        self.names.sort()

    def contents(self, names: Collection[str]) -> Iterator[tuple[str, bytes]]:
        for name in names:
            if kind := kind_of(self._path / name):
                raise NotImages(f"{name}: expected a regular file, got {kind}; leave it out")
            yield name, (self._path / name).read_bytes()


class Tar:
    """A tar file, packed by gzip, bzip2 or xz, or not packed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._members: dict[str, tarfile.TarInfo] = {}
        with tarfile.open(path) as file:
            for member in file:
                name = _name_within(member.name)
                if name is None:
                    continue
                if not member.isreg() and not member.isdir():
                    raise NotImages(
                        f"{name}: expected files and folders, got a link or a device; pack it"
                        " again with what it points to (tar --dereference)"
                    )
                _refuse_twice(name, self._members, is_folder=member.isdir())
                self._members[name] = member
            if file.fileobj and file.fileobj.tell() <= file.offset:  # behind it is a block of 0
                raise NotImages(
                    "expected a complete tar file, got one without an end; get it again"
                )
        self.names = sorted(name for name, m in self._members.items() if m.isreg())
        self.folders = sorted(name for name, m in self._members.items() if m.isdir())

    def contents(self, names: Collection[str]) -> Iterator[tuple[str, bytes]]:
        members = self._members
        with tarfile.open(self._path) as file:
            # In the order of the file, as going back means to unpack it anew.
            for name in sorted(names, key=lambda name: members[name].offset_data):
                stream = file.extractfile(members[name])
                content = stream.read() if stream else b""
                if len(content) < members[name].size:
                    raise NotImages(
                        f"{name}: expected {members[name].size:,} bytes, got {len(content):,}, as"
                        " the file ends there; get it again"
                    )
                yield name, content


class Zip:
    """A zip file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._members: dict[str, zipfile.ZipInfo] = {}
        with zipfile.ZipFile(path) as file:
            for member in file.infolist():
                if (name := _name_within(member.filename)) is not None:
                    _refuse_twice(name, self._members, is_folder=member.is_dir())
                    self._members[name] = member
        self.names = sorted(name for name, m in self._members.items() if not m.is_dir())
        self.folders = sorted(name for name, m in self._members.items() if m.is_dir())

    def contents(self, names: Collection[str]) -> Iterator[tuple[str, bytes]]:
        with zipfile.ZipFile(self._path) as file:
            for name in names:
                try:
                    yield name, file.read(self._members[name])
                except (RuntimeError, NotImplementedError) as error:  # such as of a password
                    raise NotImages(
                        f"{name}: expected a file that can be unpacked, got: {error}; unpack it by"
                        " hand and name the folder"
                    ) from error


def _name_within(name: str) -> str | None:
    """A name as it is seen from within; None for the whole, and where it is hidden.

    Raises
    ------
    NotImages
        If it leads out.
    """
    path = name.replace("\\", "/")
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if path.startswith("/") or ".." in parts:
        raise NotImages(
            f"{name!r}: expected names of files within it, got one that leads out of it; do not"
            " trust this file, or pack it again"
        )
    return None if not parts or any(map(_is_hidden, parts)) else "/".join(parts)


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"


def _refuse_twice(name: str, known: Collection[str], *, is_folder: bool) -> None:
    if name in known and not is_folder:
        raise NotImages(f"{name}: expected it once, got it again; pack it again")


def _raise(error: OSError) -> None:
    raise error
