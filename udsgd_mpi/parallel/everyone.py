"""All agents of a run on the ranks that host them."""

from collections.abc import Callable
from typing import Self, TypeVar

import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray

from udsgd_mpi.layout import Layout
from udsgd_mpi.parallel.average import AgentAverage
from udsgd_mpi.parallel.startup import on_root, together

Floats = NDArray[np.float64]
T = TypeVar("T")


class OnRanks:
    """See ``udsgd_mpi.problem.Everyone``; every method is collective."""

    def __init__(self, comm: MPI.Intracomm, layout: Layout) -> None:
        self._comm = comm
        self._layout = layout
        self.agents = layout.agents
        self.hosted = self._layout.hosted(comm.rank)

    @classmethod
    def evenly(cls, comm: MPI.Intracomm, agents: int) -> Self:
        """In blocks as even as can be."""
        return cls(comm, Layout.even(agents, comm.size))

    def once(self, action: Callable[[], T]) -> T:
        result: T = self._comm.bcast(on_root(self._comm, action))
        return result

    def everywhere(self, action: Callable[[], T]) -> T:
        return together(self._comm, action)

    def dealt(self, action: Callable[[], list[T]]) -> list[T]:
        made = on_root(self._comm, action)
        parts = None
        if made is not None:
            hosted = map(self._layout.hosted, range(self._comm.size))
            parts = [made[agents.start : agents.stop] for agents in hosted]
        mine: list[T] = self._comm.scatter(parts)
        return mine

    def each(self, action: Callable[[int], T]) -> list[T]:
        return together(self._comm, lambda: [action(i) for i in self.hosted])

    def all(self, items: list[T]) -> list[T]:
        return [item for part in self._comm.allgather(items) for item in part]

    def share(self, number: int) -> range:
        ranks, rank = self._comm.size, self._comm.rank
        return range(number * rank // ranks, number * (rank + 1) // ranks)

    def mean(self, rows: Floats) -> Floats:
        average = AgentAverage(self._comm, self._layout, rows.shape[1])
        return average(np.ascontiguousarray(rows))
