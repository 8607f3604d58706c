"""A communicator whose blocking calls the watchdog looks at."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeAlias

from mpi4py import MPI

from udsgd_mpi.parallel.waiting import waiting
from udsgd_mpi.support.errors import ConfigurationError

AnyComm: TypeAlias = MPI.Comm  # of which ``Split`` says no more
Intracomm: TypeAlias = MPI.Intracomm


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

    Split_type = _watched(_split)


_BLOCKING = (
    *("Allgatherv", "Allreduce", "Alltoallv", "Barrier", "Gatherv"),
    *("allgather", "allreduce", "alltoall", "bcast", "gather", "recv", "scatter", "send"),
)
for _name in _BLOCKING:
    setattr(Watched, _name, _watched(getattr(MPI.Intracomm, _name)))


def world() -> Watched:
    """All ranks that the launcher started."""
    return Watched(MPI.COMM_WORLD)


def private(comm: AnyComm | None) -> Watched:
    """A copy of a communicator, in which no message of its owner's is met; collective.

    Parameters
    ----------
    comm
        None: this process alone.

    Raises
    ------
    ConfigurationError
        If it is none, or has no ranks.
    """
    if comm is None:
        comm = MPI.COMM_SELF
    if not isinstance(comm, MPI.Intracomm) or comm == MPI.COMM_NULL:
        raise ConfigurationError(
            f"comm: expected an intracommunicator of mpi4py, such as MPI.COMM_WORLD, got {comm!r}"
        )
    return Watched(comm.Dup())
