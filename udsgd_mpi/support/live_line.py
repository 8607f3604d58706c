"""One line on standard error that is written over again and again, where somebody looks at it."""

import os
import sys
import unicodedata
from typing import TextIO

_COLUMNS = 100  # where the width is not known


class LiveLine:
    """A line that other output does not mix with, if it is ended before."""

    def __init__(self) -> None:
        self._shown = 0

    def show(self, text: str) -> None:
        """Write the line over the one before, cut to what fits."""
        text = _cut(text, _columns(sys.stderr) - 1)
        columns = _width(text)
        sys.stderr.write(f"\r{text}{' ' * (self._shown - columns)}")
        sys.stderr.flush()
        self._shown = columns

    def end(self) -> None:
        """Remove the line, so that other lines can follow."""
        if self._shown:
            sys.stderr.write(f"\r{' ' * self._shown}\r")
            sys.stderr.flush()
            self._shown = 0


def is_live(stream: TextIO | None) -> bool:
    """Whether somebody looks at a stream as it is written: in a terminal, or in a notebook."""
    if stream is None:
        return False
    if type(stream).__module__.startswith("ipykernel."):  # it is no terminal, and obeys \r
        return True
    return stream.isatty() and os.environ.get("TERM") != "dumb"


def _columns(stream: TextIO) -> int:
    try:
        return os.get_terminal_size(stream.fileno()).columns or _COLUMNS
    except (OSError, ValueError):  # a notebook's stream is of no terminal
        return _COLUMNS


def _cut(text: str, columns: int) -> str:
    while _width(text) > columns:
        text = text[:-1]
    return text


def _width(text: str) -> int:
    """Columns that a text takes; letters of East Asia take two."""
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in text)
    return len(text) + wide
