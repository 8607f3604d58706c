"""Ending a job that can't end in order."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from udsgd_mpi.support.errors import ExitCode

_removals: list[Callable[[], None]] = []


@contextmanager
def removed_at_the_end(remove: Callable[[], None]) -> Iterator[None]:
    """Remove something if the process is ended in this block, as nothing else would."""
    _removals.append(remove)
    try:
        yield
    finally:
        _removals.remove(remove)


def end_all_ranks(code: ExitCode) -> None:
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
