"""Errors of one rank between two stops, which all ranks raise at the next."""

from collections.abc import Callable
from typing import Any

import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray

from udsgd_mpi.parallel.collective import collective
from udsgd_mpi.parallel.waiting import waiting
from udsgd_mpi.samplers.base import Indices, SamplePaths
from udsgd_mpi.support.errors import LocalError, OutputError


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
        collective(self._comm, self._raise)

    def _raise(self) -> None:
        if isinstance(self._first, LocalError):
            raise LocalError(f"on rank {self._comm.rank}: {self._first}")
        if self._first is not None:
            raise self._first


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
