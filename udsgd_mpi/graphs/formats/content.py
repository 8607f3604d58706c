"""What a graph file holds: unpacked, and as text."""

import bz2
import gzip
import lzma
import re
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import IO

from udsgd_mpi.graphs.formats.found import NotOfFormat
from udsgd_mpi.regular_file import require_regular_file

_PACKED = {b"\x1f\x8b": gzip.open, b"BZh": bz2.open, b"\xfd7zXZ\0": lzma.open}
_PACKED_SUFFIXES = (".gz", ".bz2", ".xz")
_WIDE = {
    b"\xff\xfe\0\0": "UTF-32",
    b"\0\0\xfe\xff": "UTF-32",
    b"\xff\xfe": "UTF-16",
    b"\xfe\xff": "UTF-16",
}
_CONTROL = re.compile(r"[\0-\x08\x0e-\x1f\x7f]")
_HEAD = 2**16


class Content:
    """A graph file.

    Attributes
    ----------
    suffix
        In lower case, that of packing left out.
    """

    def __init__(self, path: Path) -> None:
        require_regular_file(path, f"graph file {path}")
        self._path = path
        suffixes = [suffix.lower() for suffix in path.suffixes]
        while suffixes and suffixes[-1] in _PACKED_SUFFIXES:
            suffixes.pop()
        self.suffix = suffixes[-1] if suffixes else ""

    def stream(self) -> IO[bytes]:
        """What it holds, unpacked; recognised by its first bytes, whatever its name."""
        with self._path.open("rb") as file:
            first = file.read(6)
        unpack = next((how for magic, how in _PACKED.items() if first.startswith(magic)), None)
        return unpack(self._path, "rb") if unpack else self._path.open("rb")  # type: ignore[operator]

    @cached_property
    def head(self) -> bytes:
        """The first bytes."""
        with self.stream() as stream:
            return stream.read(_HEAD)

    @cached_property
    def whole(self) -> bytes:
        """All bytes."""
        with self.stream() as stream:
            return stream.read()

    def binary(self) -> BytesIO:
        """All bytes as a file."""
        return BytesIO(self.whole)

    @cached_property
    def text(self) -> str:
        """All of it as text, with newlines alone at the ends of lines and no byte-order mark.

        Raises
        ------
        NotOfFormat
            If it is not UTF-8, or has characters that text does not have.
        """
        for mark, name in _WIDE.items():
            if self.whole.startswith(mark):
                raise NotOfFormat(f"expected UTF-8, got {name}; save it as UTF-8")
        try:
            text = self.whole.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = self.whole.count(b"\n", 0, error.start) + 1
            raise NotOfFormat(
                f"line {line}: expected UTF-8, got byte 0x{self.whole[error.start]:02x}; save it as"
                " UTF-8"
            ) from error
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        if found := _CONTROL.search(text):
            line = text.count("\n", 0, found.start()) + 1
            raise NotOfFormat(f"line {line}: expected text, got the byte 0x{ord(found[0]):02x}")
        return text

    @cached_property
    def lines(self) -> list[tuple[int, str]]:
        """Number and text of each line that is neither empty nor a comment."""
        lines = enumerate(self.text.split("\n"), start=1)
        return [(number, data) for number, line in lines if (data := without_comment(line))]


def without_comment(line: str) -> str:
    """A line without spaces around it; nothing of one that begins with #, % or //."""
    data = line.strip(" \t\f\v\r\n")
    return "" if data.startswith(("#", "%", "//")) else data
