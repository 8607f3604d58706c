"""All agents of a run on the ranks that host them."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple, Self, TypeVar

import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray

from udsgd_mpi.communication import Layout
from udsgd_mpi.parallel.average import AgentAverage
from udsgd_mpi.parallel.collective import check_in, collective, on_root
from udsgd_mpi.support.errors import ConfigurationError, LocalError

Floats = NDArray[np.float64]
_AS_EVEN_AS_CAN_BE = 1.05  # to send items takes time, too

T = TypeVar("T")
R = TypeVar("R")


class _Result(NamedTuple):
    """The result that the root found."""

    itself: Any


class _Failed(NamedTuple):
    """Why the root found no result."""

    message: str


class RanksTeam:
    """See ``udsgd_mpi.problem.Team``; every method is collective."""

    def __init__(self, comm: MPI.Intracomm, layout: Layout) -> None:
        self._comm = comm
        self._layout = layout
        self.agents = layout.agents
        self.hosted = self._layout.hosted(comm.rank)

    @classmethod
    def evenly(cls, comm: MPI.Intracomm, agents: int) -> Self:
        """In blocks as even as possible."""
        return cls(comm, Layout.even(agents, comm.size))

    def bcast(self, action: Callable[[], T]) -> T:
        result: T = self._comm.bcast(on_root(self._comm, action))
        return result

    def everywhere(self, action: Callable[[], T]) -> T:
        return collective(self._comm, action)

    def drive_from_root(
        self, algorithm: Callable[[Callable[..., T]], R], evaluate: Callable[..., T]
    ) -> R:
        if self._comm.rank > 0:
            found: R = self._follow(evaluate)
            return found

        def ask(*question: Any) -> T:
            self._from_root(question)
            return evaluate(*question)

        try:
            result = algorithm(ask)
        except LocalError:  # others do not know how far this rank has come
            raise
        except ConfigurationError as error:
            self._from_root(_Failed(str(error)))
            raise
        self._from_root(_Result(result))
        return result

    def _follow(self, evaluate: Callable[..., Any]) -> Any:
        while True:
            said = self._from_root()
            if isinstance(said, _Failed):
                raise ConfigurationError(said.message)
            if isinstance(said, _Result):
                return said.itself
            evaluate(*said)

    def _from_root(self, said: object = None) -> Any:
        """What rank 0 sends; the others yield the processor while it works."""
        collective(self._comm, lambda: None)
        return self._comm.bcast(said)

    def scatter(self, action: Callable[[], list[T]]) -> list[T]:
        made = on_root(self._comm, action)
        parts = None
        if made is not None:
            hosted = map(self._layout.hosted, range(self._comm.size))
            parts = [made[agents.start : agents.stop] for agents in hosted]
        mine: list[T] = self._comm.scatter(parts)
        return mine

    def map(self, action: Callable[[int], T]) -> list[T]:
        def act(i: int) -> T:
            check_in()
            return action(i)

        return collective(self._comm, lambda: [act(i) for i in self.hosted])

    def check_in(self) -> None:
        check_in()

    def allgather(self, items: list[T]) -> list[T]:
        return [item for part in self._comm.allgather(items) for item in part]

    def allgather_where(self, wanted: bool, items: list[T]) -> list[T]:
        takers = self._comm.allgather(wanted)
        parts = self._comm.alltoall([items if wants else [] for wants in takers])
        return [item for part in parts for item in part]

    def gather(self, items: list[T]) -> list[T]:
        return [item for part in self._comm.gather(items) or () for item in part]

    def share(self, number: int) -> range:
        ranks, rank = self._comm.size, self._comm.rank
        return range(number * rank // ranks, number * (rank + 1) // ranks)

    def map_balanced(
        self, items: Mapping[int, T], efforts: Mapping[int, float], action: Callable[[int, T], R]
    ) -> dict[int, R]:
        def act(i: int, item: T) -> R:
            check_in()
            return action(i, item)

        def acted(here: Mapping[int, T]) -> dict[int, R]:
            return collective(self._comm, lambda: {i: act(i, item) for i, item in here.items()})

        of_ranks = self.allgather([sum(efforts[i] for i in items)])
        if max(of_ranks) * len(of_ranks) <= _AS_EVEN_AS_CAN_BE * sum(of_ranks):
            return acted(items)
        hardest_first = sorted(self.allgather([(-efforts[i], i) for i in items]))
        taker = {i: k % self._comm.size for k, (_, i) in enumerate(hardest_first)}
        done = acted(self._send((taker[i], i, item) for i, item in items.items()))
        host = dict(zip(done, self._layout.host(np.array([*done], dtype=np.int64)), strict=True))
        results: dict[int, R] = self._send((int(host[i]), i, result) for i, result in done.items())
        return {i: results[i] for i in items}

    def _send(self, letters: Iterable[tuple[int, int, T]]) -> dict[int, T]:
        """What others have sent to this rank, by agent; each letter says to whom, and of whom."""
        sent: dict[int, dict[int, T]] = defaultdict(dict)
        for to, i, item in letters:
            sent[to][i] = item
        received = self._comm.alltoall([sent.get(to, {}) for to in range(self._comm.size)])
        return {i: item for part in received for i, item in part.items()}

    def mean(self, rows: Floats) -> Floats:
        average = AgentAverage(self._comm, self._layout, rows.shape[1])
        return average(np.ascontiguousarray(rows))
