"""All agents of a run, wherever they are hosted."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.kernels.agent_sums import mean_over_agents

Floats = NDArray[np.float64]
T = TypeVar("T")
R = TypeVar("R")


class Team(Protocol):
    """What posing a problem asks of the processes that share it.

    An error that a user can fix and that is raised in one of them is raised in all of them.

    Attributes
    ----------
    agents
        N.
    hosted
        The agents of this process.
    """

    agents: int
    hosted: range

    def bcast(self, action: Callable[[], T]) -> T:
        """Result of an action taken in one process, known to all."""

    def everywhere(self, action: Callable[[], T]) -> T:
        """Result of an action that every process takes."""

    def drive_from_root(
        self, algorithm: Callable[[Callable[..., T]], R], evaluate: Callable[..., T]
    ) -> R:
        """Result of an algorithm that runs in one process, and evaluates in all of them.

        Linear algebra on different processors may end in different bits, after which processes
        that each ran it would diverge.

        Parameters
        ----------
        algorithm
            Takes a function that sends its arguments to all processes and gives what ``evaluate``
            makes of them; ``evaluate`` may be collective.
        """

    def scatter(self, action: Callable[[], list[T]]) -> list[T]:
        """The hosted agents' items of a list, made in one process, with one for each agent."""

    def map(self, action: Callable[[int], T]) -> list[T]:
        """Results of an action taken for each hosted agent where it is hosted."""

    def check_in(self) -> None:
        """Report between pieces of an action that it still works; raises where all must stop."""

    def allgather(self, items: list[T]) -> list[T]:
        """Items of all processes, such as those of the hosted agents, in order."""

    def allgather_where(self, wanted: bool, items: list[T]) -> list[T]:
        """Items of all processes, in order, in those that want them; none in the others."""

    def gather(self, items: list[T]) -> list[T]:
        """Items of all processes in the one that acts once, in order; none in the others."""

    def share(self, number: int) -> range:
        """Which of ``number`` pieces of work, divided among the processes, fall to this one."""

    def map_balanced(
        self, items: Mapping[int, T], efforts: Mapping[int, float], action: Callable[[int, T], R]
    ) -> dict[int, R]:
        """Results of an action for some of the hosted agents, balanced over the processes.

        Parameters
        ----------
        items
            Further arguments of the action, by agent; sent to the process that takes it.
        efforts
            Rough cost of each of them, in any unit.
        """

    def mean(self, rows: Floats) -> Floats:
        """Mean over all agents, in agent order, of ``rows`` (hosted agents, elements)."""


class LoneTeam:
    """All agents in this process.

    Parameters
    ----------
    threads
        Number of actions at once that are shared out.
    """

    def __init__(self, agents: int, threads: int = 1) -> None:
        self.agents = agents
        self.hosted = range(agents)
        self._threads = threads

    def bcast(self, action: Callable[[], T]) -> T:
        return action()

    def everywhere(self, action: Callable[[], T]) -> T:
        return action()

    def drive_from_root(
        self, algorithm: Callable[[Callable[..., T]], R], evaluate: Callable[..., T]
    ) -> R:
        return algorithm(evaluate)

    def scatter(self, action: Callable[[], list[T]]) -> list[T]:
        return action()

    def map(self, action: Callable[[int], T]) -> list[T]:
        return [action(i) for i in self.hosted]

    def check_in(self) -> None:
        pass

    def allgather(self, items: list[T]) -> list[T]:
        return items

    def allgather_where(self, wanted: bool, items: list[T]) -> list[T]:
        return items if wanted else []

    def gather(self, items: list[T]) -> list[T]:
        return items

    def share(self, number: int) -> range:
        return range(number)

    def map_balanced(
        self, items: Mapping[int, T], _: Mapping[int, float], action: Callable[[int, T], R]
    ) -> dict[int, R]:
        with ThreadPoolExecutor(self._threads) as pool:
            return dict(zip(items, pool.map(action, items, items.values()), strict=True))

    def mean(self, rows: Floats) -> Floats:
        mean = np.empty(rows.shape[1])
        mean_over_agents(np.ascontiguousarray(rows), mean)
        return mean
