"""Errors of one rank between two stops, which all ranks raise at the next."""

from collections.abc import Callable
from typing import Any

import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray

from udsgd_mpi.parallel.waiting import waiting
from udsgd_mpi.samplers.base import Indices, SamplePaths
from udsgd_mpi.support.errors import ConfigurationError, LocalError, OutputError


class Failures:
    """What has failed on this rank while all of them step.

    Others wait for what it sends and can't be told, so it goes on exchanging, with iterates that
    are worth nothing, until all ranks meet.

    Parameters
    ----------
    at_every_stop
        Whether a user's code may fail, so that no stop may record what comes after.
    """

    def __init__(self, comm: MPI.Intracomm, *, at_every_stop: bool) -> None:
        self._comm = comm
        self.at_every_stop = at_every_stop
        self._first: LocalError | OutputError | None = None

    def __bool__(self) -> bool:
        return self._first is not None

    def passes(self, action: Callable[[], object]) -> bool:
        """Take an action, unless one has failed before; whether it was taken.

        Raises
        ------
        LocalError, OutputError
            At once where there are no other ranks.
        """
        if self._first is None:
            try:
                action()
            except (LocalError, OutputError) as error:
                if self._comm.size == 1:
                    raise
                self._first = error
        return self._first is None

    def look(self) -> None:
        """Raise on all ranks, at a stop, what a user's code has raised on one; collective.

        Raises
        ------
        ConfigurationError, OutputError
            That of the lowest rank.
        """
        if self.at_every_stop and self._comm.size > 1:
            any_failed = np.array([bool(self)])
            with waiting("all ranks"):
                self._comm.Allreduce(MPI.IN_PLACE, any_failed, MPI.LOR)
            if any_failed[0]:
                self.raise_on_all()

    def raise_on_all(self) -> None:
        """Raise on all ranks what has failed on one; collective.

        Raises
        ------
        ConfigurationError, OutputError
            That of the lowest rank.
        """
        _raise_together(self._comm, self._first)


def write_on_root(comm: MPI.Intracomm, action: Callable[[], object]) -> None:
    """Write something on rank 0; collective, and no point at which a job stops, unlike ``on_root``.

    Raises
    ------
    OutputError
        On every rank, if it can't be written.
    """
    failure = None
    try:
        if comm.rank == 0:
            action()
    except OutputError as error:
        failure = error
    _raise_together(comm, failure)


def _raise_together(comm: MPI.Intracomm, mine: LocalError | OutputError | None) -> None:
    """Raise on all ranks the error of the lowest one that has any."""
    known: Exception | None = None
    if isinstance(mine, LocalError):
        known = ConfigurationError(f"on rank {comm.rank}: {mine}")
    elif mine is not None:
        known = OutputError.of_all(str(mine))
    for each in comm.allgather(known):
        if each is not None:
            raise each


class GuardedPaths(SamplePaths):
    """Paths that draw the first point where drawing has failed."""

    def __init__(self, paths: SamplePaths, failures: Failures) -> None:
        self._paths = paths
        self._failures = failures

    def draw(self, out: Indices) -> None:
        if not self._failures.passes(lambda: self._paths.draw(out)):
            out[:] = 0

    def memory(self, k: int) -> dict[str, NDArray[Any]]:
        return self._paths.memory(k)
