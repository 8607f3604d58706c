"""Text files as they come: packed or not, with or without a byte-order mark."""

import bz2
import gzip
import lzma
from pathlib import Path
from typing import IO

PACKED_SUFFIXES = (".gz", ".bz2", ".xz")

_UNPACK = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\0": lzma.open}
_MARK = b"\xef\xbb\xbf"
_WIDE = {
    b"\xff\xfe\0\0": "UTF-32",
    b"\0\0\xfe\xff": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}


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
