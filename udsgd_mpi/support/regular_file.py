"""Files that are read hold still: no FIFO, device, socket or folder."""

import errno
import stat
from pathlib import Path

from udsgd_mpi.support.errors import ConfigurationError

_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFSOCK: "a socket",
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
