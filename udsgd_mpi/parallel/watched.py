"""A communicator whose blocking calls the watchdog looks at."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from mpi4py import MPI

from udsgd_mpi.parallel.waiting import waiting


def _watched(method: Callable[..., Any]) -> Any:
    @wraps(method)
    def call(comm: MPI.Intracomm, *args: Any, **kwargs: Any) -> Any:
        if waiting.ranks is not None:  # the caller has said for whom
            return method(comm, *args, **kwargs)
        with waiting("all ranks"):
            return method(comm, *args, **kwargs)

    return call


def _split(comm: MPI.Intracomm, *args: Any, **kwargs: Any) -> "Watched":
    return Watched(MPI.Intracomm.Split_type(comm, *args, **kwargs))


class Watched(MPI.Intracomm):
    """A communicator in which no rank waits forever for one that hangs.

    What begins now and ends later, such as ``Isend``, is waited for ``with waiting(…)``.
    """

    Allgatherv = _watched(MPI.Intracomm.Allgatherv)
    Allreduce = _watched(MPI.Intracomm.Allreduce)
    Alltoallv = _watched(MPI.Intracomm.Alltoallv)
    Barrier = _watched(MPI.Intracomm.Barrier)
    Gatherv = _watched(MPI.Intracomm.Gatherv)
    allgather = _watched(MPI.Intracomm.allgather)
    allreduce = _watched(MPI.Intracomm.allreduce)
    alltoall = _watched(MPI.Intracomm.alltoall)
    bcast = _watched(MPI.Intracomm.bcast)
    gather = _watched(MPI.Intracomm.gather)
    recv = _watched(MPI.Intracomm.recv)
    scatter = _watched(MPI.Intracomm.scatter)
    send = _watched(MPI.Intracomm.send)
    Split_type = _watched(_split)


def world() -> Watched:
    """All ranks of the job."""
    return Watched(MPI.COMM_WORLD)
