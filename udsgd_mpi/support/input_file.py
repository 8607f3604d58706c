"""Files that are read: what they are, whether they are as before, and their text, packed or not."""

import bz2
import errno
import gzip
import lzma
import stat
from pathlib import Path
from typing import IO, NamedTuple, Self

from udsgd_mpi.support.errors import ConfigurationError

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
}

PACKED_SUFFIXES = (".gz", ".bz2", ".xz")

_UNPACK = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\0": lzma.open}
_MARK = b"\xef\xbb\xbf"
_WIDE = {
    b"\xff\xfe\0\0": "UTF-32",
    b"\0\0\xfe\xff": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}


def kind_of(path: Path) -> str | None:
    """What is at a path, links followed, where it is no regular file; None where it is, or nothing.

    Raises
    ------
    OSError
        If it can't be told, as a folder on the way can't be searched or no file can have the name.
    """
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    except ValueError as error:
        raise OSError(errno.EINVAL, str(error)) from error
    return None if stat.S_ISREG(mode) else _KINDS.get(stat.S_IFMT(mode), "something else")


def require_regular_file(path: Path, name: str) -> None:
    """Refuse what would hang or never end if it were read; what is missing is left to the reader.

    Parameters
    ----------
    name
        What the file is in the message, e.g. ``"graph file a.edgelist"``.

    Raises
    ------
    ConfigurationError
        If it is a FIFO, a device, a socket or a folder, or its folder can't be searched.
    """
    try:
        kind = kind_of(path)
    except OSError as error:
        raise ConfigurationError(f"{name}: cannot be read ({error.strerror})") from error
    if kind:
        raise ConfigurationError(
            f"{name}: expected a regular file, got {kind}; copy what it holds into a file"
        )


def content_of(path: Path, name: str) -> bytes:
    """All that a file holds.

    Parameters
    ----------
    name
        What the file is in the message.

    Raises
    ------
    ConfigurationError
        If it is no regular file, or can't be read.
    """
    require_regular_file(path, name)
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{name}: cannot be read ({error.strerror or error})") from error


class FileVersion(NamedTuple):
    """A key for caches of what a file holds; another file, or another content, has another."""

    path: Path
    changed: int
    size: int

    @classmethod
    def of(cls, path: Path) -> Self:
        """Version of a file as it is now, or of its absence."""
        absolute = path.absolute()
        try:
            status = absolute.stat()
        except OSError:
            return cls(absolute, 0, 0)
        return cls(absolute, status.st_mtime_ns, status.st_size)


def open_unpacked(path: Path) -> IO[bytes]:
    """A file for reading, unpacked where its first bytes are of gzip, bzip2 or xz.

    Raises
    ------
    OSError
        If it can't be opened; from reading also EOFError, zlib.error or LZMAError.
    """
    with path.open("rb") as file:
        first = file.read(6)
    unpack = next((how for magic, how in _UNPACK.items() if first.startswith(magic)), None)
    return unpack(path, "rb") if unpack else path.open("rb")  # type: ignore[operator]


def open_text(path: Path) -> IO[bytes]:
    """An unpacked file from behind its byte-order mark on.

    Raises
    ------
    OSError
        As ``open_unpacked``.
    ValueError
        If the mark says that it is not UTF-8.
    """
    stream = open_unpacked(path)
    try:
        first = stream.peek(4)[:4]  # type: ignore[attr-defined]
        _refuse_wide(first)
        if first.startswith(_MARK):
            stream.read(len(_MARK))
    except BaseException:
        stream.close()
        raise
    return stream


def decoded(content: bytes) -> str:
    """Text in UTF-8, without a byte-order mark.

    Raises
    ------
    ValueError
        If it is not UTF-8; says what it is, or in which line.
    """
    _refuse_wide(content)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        message = (
            f"line {line}: expected UTF-8, got byte 0x{content[error.start]:02x}; save it as UTF-8"
        )
        raise ValueError(message) from error


def _refuse_wide(first: bytes) -> None:
    for mark, name in _WIDE.items():
        if first.startswith(mark):
            message = f"expected UTF-8, got {name}; save it as UTF-8"
            raise ValueError(message)
