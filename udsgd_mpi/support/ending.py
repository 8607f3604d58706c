"""Ending a job that can't end in order."""

import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import NoReturn

from udsgd_mpi.support.errors import ExitCode, LocalError, OutputError
from udsgd_mpi.support.failure import tell_failure
from udsgd_mpi.support.launcher import launched_rank, launched_size

_SECONDS_FOR_RANK_0 = 1.0  # which may have the same to say, and then ends all

_removals: list[Callable[[], None]] = []


@contextmanager
def removed_at_the_end(remove: Callable[[], None]) -> Iterator[None]:
    """Remove something if the process is ended in this block, as nothing else would."""
    _removals.append(remove)
    try:
        yield
    finally:
        _removals.remove(remove)


def end_for(error: BaseException) -> NoReturn:
    """End all ranks because of an error on this one, which the others need not know of."""
    if isinstance(error, OutputError):
        tell_failure(ExitCode.INPUT_OUTPUT, str(error))
        end_all_ranks(ExitCode.INPUT_OUTPUT)
    if isinstance(error, LocalError):
        if launched_rank() > 0:
            time.sleep(_SECONDS_FOR_RANK_0)
        tell_failure(ExitCode.USAGE, f"on rank {launched_rank()}: {error}")
        end_all_ranks(ExitCode.USAGE)
    where = f" on rank {launched_rank()}" if launched_size() > 1 else ""
    shown = "".join(traceback.format_exception(error))
    tell_failure(ExitCode.INTERNAL, shown, f"udsgd: internal error{where}\n")
    end_all_ranks(ExitCode.INTERNAL)


def end_all_ranks(code: ExitCode) -> NoReturn:
    """End this process and all other ranks at once, whatever they are at."""
    for remove in _removals:
        with suppress(OSError):
            remove()
    sys.stdout.flush()
    sys.stderr.flush()
    mpi = sys.modules.get("mpi4py.MPI")
    # While MPI starts, its module exists but is incomplete.
    if mpi and hasattr(mpi, "COMM_WORLD") and mpi.Is_initialized() and mpi.COMM_WORLD.size > 1:
        time.sleep(0.5)  # the launcher drops what it has not yet passed on when a rank aborts
        mpi.COMM_WORLD.Abort(code)
    os._exit(code)
