"""One job for one result file."""

import fcntl
import json
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from udsgd_mpi.cluster.slurm import has_ended
from udsgd_mpi.errors import ConfigurationError, OutputError


@contextmanager
def locked(output: Path) -> Iterator[None]:
    """Keep other jobs from a result file.

    The lock is the kernel's, which ends with the process, on a file that says who holds it.

    Raises
    ------
    ConfigurationError
        If another job holds the lock, or may hold it on another host.
    OutputError
        If the folder can't be written.
    """
    path = output.with_name(f".{output.name}.lock")
    try:
        file = _opened(path)
    except OSError as error:
        raise OutputError(f"output {output}: cannot be locked ({error.strerror})") from error
    with file:
        left = _read(file)
        if left and not _is_ours(left):
            raise ConfigurationError(
                f"output {output}: was being written by process {left['process']} on host"
                f" {left['host']} since {left['since']}, and locks may not be seen from host"
                f" {socket.gethostname()}; if that process is gone, remove {path}"
            )
        _write(file)
        try:
            yield
        finally:
            path.unlink(missing_ok=True)


def _opened(path: Path) -> IO[str]:
    while True:
        file = path.open("a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _read(file) or {"process": "unknown", "host": "unknown", "since": "now"}
            file.close()
            raise ConfigurationError(
                f"output {path.name[1:-5]}: is being written by process {holder['process']} on host"
                f" {holder['host']} since {holder['since']}; wait for it, or use --output FILE"
            ) from None
        if _is_at(path, file):
            return file
        file.close()  # its holder removed it between the two calls above


def _is_at(path: Path, file: IO[str]) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


def _read(file: IO[str]) -> dict[str, Any] | None:
    file.seek(0)
    try:
        found = json.loads(file.read(10_000))
    except ValueError:
        return None
    known = isinstance(found, dict) and {"process", "host", "since"} <= found.keys()
    return found if known else None


def _write(file: IO[str]) -> None:
    file.truncate(0)
    file.write(
        json.dumps(
            {
                "process": os.getpid(),
                "host": socket.gethostname(),
                "since": datetime.now(UTC).isoformat(timespec="seconds"),
                "slurm_job": os.environ.get("SLURM_JOB_ID"),
                "cluster": os.environ.get("SLURM_CLUSTER_NAME"),
            }
        )
    )
    file.flush()


def _is_ours(left: Mapping[str, Any]) -> bool:
    """Whether what is left is of this host, where the kernel's lock is proof, or of no other job.

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
