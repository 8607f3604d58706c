"""Which rank hosts which agents."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.communication import Schedule, Weights
from udsgd_mpi.errors import ConfigurationError


@dataclass(frozen=True)
class Layout:
    """Consecutive blocks of agents, as even as can be, on ranks 0, …, ranks − 1.

    Raises
    ------
    ConfigurationError
        If there are more ranks than agents.
    """

    agents: int
    ranks: int

    def __post_init__(self) -> None:
        if self.ranks > self.agents:
            raise ConfigurationError(
                f"agents: expected at least one for each of {self.ranks} ranks, got"
                f" {self.agents}; start {self.agents} ranks or fewer (mpirun -n {self.agents}),"
                f" or use --agents {self.ranks}"
            )

    @property
    def counts(self) -> NDArray[np.int64]:
        """Number of agents on each rank."""
        return np.diff(self.starts)

    @property
    def starts(self) -> NDArray[np.int64]:
        """First agent of each rank, and one past the last agent; shape (ranks + 1,)."""
        return np.arange(self.ranks + 1, dtype=np.int64) * self.agents // self.ranks

    def hosted(self, rank: int) -> range:
        """Agents of a rank."""
        return range(int(self.starts[rank]), int(self.starts[rank + 1]))

    def host(self, agent: NDArray[np.int64]) -> NDArray[np.int64]:
        """Rank of each agent."""
        return np.searchsorted(self.starts, agent, side="right") - 1


def copies_needed(weights: Weights, layout: Layout, rank: int) -> NDArray[np.int64]:
    """Agents hosted elsewhere whose half-steps a rank needs for its rows of W, ascending."""
    hosted = layout.hosted(rank)
    first, last = weights.offsets[hosted.start], weights.offsets[hosted.stop]
    columns = np.unique(weights.columns[first:last]).astype(np.int64)
    return columns[(columns < hosted.start) | (columns >= hosted.stop)]


def most_copies(schedule: Schedule, layout: Layout, rank: int) -> int:
    """Most copies of others' half-steps that a rank needs at once for any W of a schedule."""
    sparse = [W for W in (*schedule.planned, schedule.support) if isinstance(W, Weights)]
    return max((len(copies_needed(W, layout, rank)) for W in sparse), default=0)


def rows_wanted(weights: Weights, layout: Layout, rank: int) -> dict[int, NDArray[np.int64]]:
    """For each other rank the agents hosted here whose half-steps it needs, ascending."""
    rows = np.repeat(np.arange(len(weights)), np.diff(weights.offsets))
    columns = weights.columns.astype(np.int64)
    hosted = layout.hosted(rank)
    hosts = layout.host(rows)
    going = (columns >= hosted.start) & (columns < hosted.stop) & (hosts != rank)
    other, agent = np.divmod(np.unique(hosts[going] * len(weights) + columns[going]), len(weights))
    return {int(to): agent[other == to] for to in np.unique(other)}
