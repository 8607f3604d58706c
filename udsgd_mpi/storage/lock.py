"""One job for one result file."""

import errno
import fcntl
import json
import os
import socket
import stat
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime
from functools import partial
from io import FileIO
from pathlib import Path
from typing import Any

from udsgd_mpi.support.atomic_file import target_of
from udsgd_mpi.support.ending import removed_at_the_end
from udsgd_mpi.support.errors import ConfigurationError, OutputError

_BEGINNING = b'{"process": '  # of what a lock says, however little of it was written


@contextmanager
def locked(output: Path, has_ended: Callable[[str], bool]) -> Iterator[None]:
    """Keep other jobs from a result file.

    The lock is the kernel's, which ends with the process, on a file that says who holds it. A link
    and the file that it leads to have one lock.

    Parameters
    ----------
    has_ended
        Whether a job of this cluster, by its number, is known to be over.

    Raises
    ------
    ConfigurationError
        If another job holds the lock, or may hold it on another host, or something that is no
        lock has its name.
    OutputError
        If the folder can't be written.
    """
    target = target_of(output)
    path = target.with_name(f".{target.name}.lock")
    with ExitStack() as until_end:
        try:
            file = until_end.enter_context(_opened(path))
            left = _read(file, path)
            if left and not _is_ours(left, has_ended):
                raise ConfigurationError(
                    f"output {output}: was being written by process {left['process']} on host"
                    f" {left['host']} since {left['since']}, whose locks may be invisible on host"
                    f" {socket.gethostname()}; if that process is gone, remove {path}"
                )
            remove = partial(_remove, path, file)
            until_end.callback(remove)
            until_end.enter_context(removed_at_the_end(remove))
            _write(file)
        except OSError as error:
            raise OutputError(f"output {output}: cannot be locked ({error.strerror})") from error
        yield


def _opened(path: Path) -> FileIO:
    while True:
        file = _file(path)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            with file:
                holder = _read(file, path)
            holder = holder or {"process": "unknown", "host": "unknown", "since": "now"}
            raise ConfigurationError(
                f"output {path.name[1:-5]}: is being written by process {holder['process']} on host"
                f" {holder['host']} since {holder['since']}; wait for it, or use --output FILE"
            ) from None
        if _is_at(path, file):
            return file
        file.close()  # its holder removed it between the two calls above


def _file(path: Path) -> FileIO:
    """The file of a lock, new or not; no link is followed, as the lock may be written over."""
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK
    try:
        descriptor = os.open(path, flags, 0o666)
    except OSError as error:
        if error.errno in {errno.ELOOP, errno.EISDIR, errno.ENXIO}:
            raise _no_lock(path) from error
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise _no_lock(path)
    return os.fdopen(descriptor, "r+b", buffering=0)


def _no_lock(path: Path) -> ConfigurationError:
    return ConfigurationError(
        f"{path}: expected a lock that udsgd wrote, got something else of that name; remove it, or"
        " use --output FILE"
    )


def _is_at(path: Path, file: FileIO) -> bool:
    try:
        return os.path.samestat(path.lstat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


def _read(file: FileIO, path: Path) -> dict[str, Any] | None:
    """Who held a lock; None where it does not say."""
    file.seek(0)
    content = file.read(10_000)
    if not (content.startswith(_BEGINNING) or _BEGINNING.startswith(content)):
        raise _no_lock(path)
    try:
        found = json.loads(content)
    except ValueError:
        return None
    return found if {"process", "host", "since"} <= found.keys() else None


def _write(file: FileIO) -> None:
    holder = {
        "process": os.getpid(),
        "host": socket.gethostname(),
        "since": datetime.now(UTC).isoformat(timespec="seconds"),
        "slurm_job": os.environ.get("SLURM_JOB_ID"),
        "cluster": os.environ.get("SLURM_CLUSTER_NAME"),
    }
    file.seek(0)
    file.truncate()
    content = json.dumps(holder).encode()
    while content:  # a disk that fills up takes a part first
        content = content[file.write(content) :]


def _remove(path: Path, file: FileIO) -> None:
    with suppress(OSError):
        if _is_at(path, file):
            path.unlink()


def _is_ours(left: Mapping[str, Any], has_ended: Callable[[str], bool]) -> bool:
    """Whether a lock left behind is of this host, where the kernel's lock is proof, or of this job.

    That is this job, queued again, or one that its cluster knows to have ended.
    """
    if left["host"] == socket.gethostname():
        return True
    job, cluster = left.get("slurm_job"), left.get("cluster")
    if job is None:
        return False
    if job == os.environ.get("SLURM_JOB_ID"):
        return True
    return (
        cluster is not None and cluster == os.environ.get("SLURM_CLUSTER_NAME") and has_ended(job)
    )
