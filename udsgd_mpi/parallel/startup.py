"""Getting all ranks to the first step."""

import time
from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import TypeVar

from mpi4py import MPI

from udsgd_mpi.errors import ConfigurationError

T = TypeVar("T")


def on_root(comm: MPI.Intracomm, action: Callable[[], T]) -> T | None:
    """Result of an action that rank 0 takes for all; None on the other ranks.

    Raises
    ------
    ConfigurationError
        On every rank, where rank 0 raised one.
    """
    result, failure = None, None
    if comm.rank == 0:
        try:
            result = action()
        except ConfigurationError as error:
            failure = str(error)
    wait_quietly(comm)
    failure = comm.bcast(failure)
    if failure is not None:
        raise ConfigurationError(failure)
    return result


def import_compiled(comm: MPI.Intracomm, module: str) -> ModuleType:
    """Import a module with kernels: one rank of each host compiles, then the others load."""
    host = comm.Split_type(MPI.COMM_TYPE_SHARED)
    try:
        if host.rank == 0:
            import_module(module)
        wait_quietly(host)
        return import_module(module)
    finally:
        host.Free()


def wait_quietly(comm: MPI.Comm) -> None:
    """A barrier that leaves the processor to the rank that works."""
    request = comm.Ibarrier()
    while not request.Test():
        time.sleep(0.005)
