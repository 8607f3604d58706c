"""Replacing a file by a new version of it, whole or not at all."""

import os
from pathlib import Path

from udsgd_mpi.errors import OutputError


def replace_file(path: Path, content: bytes) -> None:
    """Write ``content`` beside ``path``, force it to disk and move it into place.

    Raises
    ------
    OutputError
        If the disk is full, or the folder is read-only or gone; the old file stays.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise OutputError(
            f"output {path}: cannot be written ({error.strerror}); what was there before is"
            " unchanged"
        ) from error
