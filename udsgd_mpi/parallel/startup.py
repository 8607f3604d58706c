"""Getting all ranks to the first step."""

import time
from collections.abc import Callable
from typing import TypeVar

from mpi4py import MPI

from udsgd_mpi.compiled import Kernel, compile_all
from udsgd_mpi.errors import ConfigurationError

T = TypeVar("T")


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


def compile_once(comm: MPI.Intracomm) -> None:
    """Compile what the cache lacks, on one rank of each host, while the others wait.

    Then the ranks other than 0 load a kernel, and with it what all kernels need; rank 0 does so
    when it has loaded the data, for which the others wait.
    """
    host = comm.Split_type(MPI.COMM_TYPE_SHARED)
    try:
        if host.rank == 0:
            compile_all()
        wait_quietly(host)
    finally:
        host.Free()
    if comm.rank > 0:
        Kernel.all[0].compile()


def wait_quietly(comm: MPI.Comm) -> None:
    """A barrier that leaves the processor to the ranks that work."""
    request = comm.Ibarrier()
    while not request.Test():
        time.sleep(0.005)
