"""What one rank does for all, and what each does for itself."""

import time
from collections.abc import Callable
from typing import TypeVar

from mpi4py import MPI

from udsgd_mpi.errors import ConfigurationError

T = TypeVar("T")

_FIRST_SLEEP = 0.001


def on_root(comm: MPI.Intracomm, action: Callable[[], T]) -> T | None:
    """Result of an action that rank 0 takes for all; None on the other ranks.

    Raises
    ------
    ConfigurationError
        On every rank, where rank 0 raised one.
    """
    return together(comm, action if comm.rank == 0 else lambda: None)


def together(comm: MPI.Intracomm, action: Callable[[], T]) -> T:
    """Result of an action that every rank takes for itself.

    Raises
    ------
    ConfigurationError
        On every rank, where one raised it: that of the lowest such rank.
    """
    failure = None
    try:
        result = action()
    except ConfigurationError as error:
        failure = str(error)
    wait_quietly(comm)
    for found in comm.allgather(failure):
        if found is not None:
            raise ConfigurationError(found)
    return result


def wait_quietly(comm: MPI.Comm) -> None:
    """A barrier that leaves the processor to the ranks that work.

    The looks of many ranks would take much of it, so they become rarer.
    """
    seconds = _FIRST_SLEEP
    request = comm.Ibarrier()
    while not request.Test():
        time.sleep(seconds)
        seconds = min(1.03 * seconds, _FIRST_SLEEP * max(1, comm.size // 2))
