"""Keeping HDF5 from damaged files, on which it may loop, crash or take all memory."""

import os
import signal
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

from udsgd_mpi.storage.seal import is_whole
from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.support.input_file import FileVersion

_PROBE = Path(__file__).with_name("probe.py")
_TOO_LARGE = 3
_CPU_SECONDS = 5
_BYTES_A_CPU_SECOND = 20 * 10**6
_SECONDS = 60
_BYTES_A_SECOND = 10**6
_BYTES = 2**30
_TIMES_THE_FILE = 4


def check_safe(path: Path) -> None:
    """Refuse a result file on which HDF5 would crash or never end.

    A file with a seal needs no more than its checksum, at about 1.5 GB a second. One without, which
    an older version wrote or somebody has changed, is first read by a process of its own within
    limits of time and memory; that takes half a second more. What was checked is remembered.

    Raises
    ------
    ConfigurationError
        If its checksum is wrong, or reading it does not end, crashes or takes too much memory.
    """
    if reason := _reason(path, FileVersion.of(path)):
        raise ConfigurationError(f"results {path}: cannot be read ({reason})")


@lru_cache(maxsize=64)
def _reason(path: Path, version: FileVersion) -> str | None:
    """Why a file must not be read; None if it can be, or does not exist."""
    try:
        whole = is_whole(path)
    except FileNotFoundError:
        return None  # the reader says so
    except OSError as error:
        return error.strerror
    if whole:
        return None
    trouble = _trouble(path, version.size) if whole is None else "its checksum is wrong"
    return trouble and f"changed or damaged: {trouble}; take another copy, or compute it again"


def _trouble(path: Path, size: int) -> str | None:
    """How a process that reads a file fails; None where it ends normally or with an error."""
    seconds = _CPU_SECONDS + size // _BYTES_A_CPU_SECOND
    memory = _BYTES + _TIMES_THE_FILE * size
    command = [sys.executable, "-P", str(_PROBE), str(path.absolute()), str(seconds), str(memory)]
    try:
        done = subprocess.run(  # noqa: S603 - the command is our own
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"MPI4PY_RC_INITIALIZE": "0"},
            timeout=_SECONDS + size / _BYTES_A_SECOND,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "reading it does not end"
    except OSError as error:
        return f"no process to test it in: {error.strerror}"
    if done.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
        return "reading it does not end"
    if done.returncode < 0:
        return f"HDF5 ends with signal {-done.returncode}"
    if done.returncode == _TOO_LARGE:
        return "it claims to be larger than it can be"
    return f"the process that tested it ended with {done.returncode}" if done.returncode else None
