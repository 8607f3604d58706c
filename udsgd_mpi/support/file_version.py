"""Telling whether a file is the one that was read before."""

from pathlib import Path
from typing import NamedTuple


class FileVersion(NamedTuple):
    """A key for caches of what a file holds; another file, or another content, has another."""

    path: Path
    changed: int
    size: int

    @classmethod
    def of(cls, path: Path) -> "FileVersion":
        """Version of a file as it is now, or of its absence."""
        absolute = path.absolute()
        try:
            status = absolute.stat()
        except OSError:
            return cls(absolute, 0, 0)
        return cls(absolute, status.st_mtime_ns, status.st_size)
