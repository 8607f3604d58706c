"""A run in this process, or in this one and others that a launcher started with it."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, NamedTuple

from udsgd_mpi.api.as_before import as_before, one_thread
from udsgd_mpi.api.how import How
from udsgd_mpi.support.ending import end_for
from udsgd_mpi.support.errors import ConfigurationError, is_known_to_all
from udsgd_mpi.support.launcher import before_mpi, launched_rank, launched_size, refuse_singletons
from udsgd_mpi.support.notes import notes_to
from udsgd_mpi.support.progress import say
from udsgd_mpi.support.stop_request import LOADING, stop_request

if TYPE_CHECKING:
    import xarray

    from udsgd_mpi.experiment.schema import Experiment
    from udsgd_mpi.parallel.watched import AnyComm, Intracomm

_one_run = threading.Lock()  # what ranks wait for, and when to stop, is the whole process's


class Asked(NamedTuple):
    """What a caller asks for, checked."""

    experiments: dict[str, "Experiment"]
    how: How


def run_here(comm: "AnyComm | None", read: Callable[[], Asked]) -> "xarray.Dataset":
    """Run on the ranks of a communicator; see ``run``.

    Parameters
    ----------
    read
        Checks what this rank asks for; called once the ranks have met, so that all of them learn
        what is wrong on one.
    """
    began = time.monotonic()
    with _alone(), as_before(), _private(comm) as ranks, _notes(ranks):
        try:
            return _run(ranks, read, began)
        except BaseException as error:
            if ranks.size > 1 and not is_known_to_all(error):
                end_for(error)  # no exception reaches ranks that wait inside MPI
            raise


def _run(comm: "Intracomm", read: Callable[[], Asked], began: float) -> "xarray.Dataset":
    from udsgd_mpi.parallel.loading import load_in_turn

    load_in_turn(comm, for_good=False)
    from udsgd_mpi.api.job import job
    from udsgd_mpi.parallel.collective import collective, on_root
    from udsgd_mpi.parallel.known import Known
    from udsgd_mpi.parallel.watchdog import Watchdog
    from udsgd_mpi.storage.dataset import dataset

    asked = collective(comm, read)
    _require_same(comm, asked)
    how = asked.how
    deadline = None if how.max_time is None else began + how.max_time
    # Alone, one waits for nobody, and can be interrupted.
    dog = Watchdog(launched_rank(), socket.gethostname(), how.stall_timeout)
    watchdog = dog if comm.size > 1 else nullcontext()
    with one_thread(), stop_request.until(deadline, "run it again with resume='auto'"), watchdog:
        written = job(comm, lambda: asked.experiments, how, Known())
        found: xarray.Dataset = comm.bcast(
            on_root(comm, lambda: dataset(written) if written else None)
        )
    return found


def _require_same(comm: "Intracomm", asked: Asked) -> None:
    """Refuse ranks that ask for something else than rank 0, which they would not get."""
    from udsgd_mpi.experiment.read import to_toml
    from udsgd_mpi.support.digests import digest

    mine = digest(to_toml(asked.experiments).encode(), repr(asked.how).encode())
    for rank, found in enumerate(of_all := comm.allgather(mine)):
        if found != of_all[0]:
            raise ConfigurationError(
                "run: expected the same experiments and options on all ranks, got others on rank"
                f" {rank} than on rank 0; make them in the same way on every rank"
            )


@contextmanager
def _alone() -> Iterator[None]:
    if not _one_run.acquire(blocking=False):
        raise ConfigurationError(
            "run: expected one run at a time in a process, got one while another thread runs"
            " another; use processes, or ranks=N"
        )
    try:
        yield
    finally:
        _one_run.release()


@contextmanager
def _private(comm: "AnyComm | None") -> Iterator["Intracomm"]:
    """A communicator for this run alone: of the caller's ranks, or of those that were launched."""
    before_mpi(for_good=False)
    from udsgd_mpi.parallel.watched import private, world

    if comm is None and launched_size() > 1:
        comm = world()
        refuse_singletons(comm.size)
    stop_request.enter(LOADING)
    copy = private(comm)
    try:
        yield copy
    finally:
        copy.Free()


def _notes(comm: "Intracomm") -> AbstractContextManager[None]:
    return notes_to(say if comm.rank == 0 else len)
