"""A checksum at the end of a file, which reveals damage.

HDF5 and zip archives may have bytes behind their end, and HDF5 cuts them off when it changes a
file: so the seal that a file has is that of its content, or the file was damaged.
"""

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_MARK = b"\nudsgd_mpi SHA-256 "
_CHUNK = 2**20

SEAL_BYTES = len(_MARK) + 64 + 1
BLANK = bytes(SEAL_BYTES)
"""What stands in place of the seal while the checksum is taken."""


class SealedFile:
    """A file that is written from its beginning to its end, and then sealed.

    It has no ``tell``, so that an archive in it is written without seeking back.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._digest = hashlib.sha256()

    def write(self, content: "ReadableBuffer") -> int:
        """Write on."""
        self._digest.update(content)
        return self._file.write(content)

    def flush(self) -> None:
        """Pass on what has been written."""
        self._file.flush()

    def close(self) -> None:
        """Leave the file open: its opener closes it."""

    def seal(self) -> None:
        """Put the seal in place of the blank one that was written last."""
        self._file.seek(-SEAL_BYTES, os.SEEK_END)
        self._file.write(_seal(self._digest.hexdigest()))


def is_whole(path: Path) -> bool | None:
    """Whether the content of a file is what was sealed; None where it has no seal.

    Raises
    ------
    OSError
        If it can't be read.
    """
    with path.open("rb") as file:
        left = file.seek(0, os.SEEK_END) - SEAL_BYTES
        file.seek(max(0, left))
        seal = file.read()
        if left < 0 or not seal.startswith(_MARK):
            return None
        file.seek(0)
        digest = hashlib.sha256()
        while left > 0 and (chunk := file.read(min(left, _CHUNK))):
            digest.update(chunk)
            left -= len(chunk)
    digest.update(BLANK)
    return seal == _seal(digest.hexdigest())


def _seal(digest: str) -> bytes:
    return _MARK + digest.encode() + b"\n"
