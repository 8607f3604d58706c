"""What a file holds: unpacked, and as text."""

import re
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import IO

from udsgd_mpi.graphs.formats.found import NotOfFormat
from udsgd_mpi.support.input_file import (
    PACKED_SUFFIXES,
    decoded,
    open_unpacked,
    require_regular_file,
)

_CONTROL = re.compile(r"[\0-\x08\x0e-\x1f\x7f]")
_HEAD = 2**16


class Content:
    """A file of a graph, or of what else is in a matrix.

    Parameters
    ----------
    what
        The file is, in messages.

    Attributes
    ----------
    suffix
        In lower case, that of packing left out.
    """

    def __init__(self, path: Path, what: str = "graph file") -> None:
        require_regular_file(path, f"{what} {path}")
        self._path = path
        suffixes = [suffix.lower() for suffix in path.suffixes]
        while suffixes and suffixes[-1] in PACKED_SUFFIXES:
            suffixes.pop()
        self.suffix = suffixes[-1] if suffixes else ""

    def stream(self) -> IO[bytes]:
        """What it holds, unpacked; recognised by its first bytes, whatever its name."""
        return open_unpacked(self._path)

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
        try:
            text = decoded(self.whole)
        except ValueError as error:
            raise NotOfFormat(str(error)) from error
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
