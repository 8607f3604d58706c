"""Which rank hosts which agents."""

from bisect import bisect_left
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.support.errors import ConfigurationError

_WORTH_IT = 1.1


@dataclass(frozen=True)
class Layout:
    """Consecutive blocks of agents on the ranks, in order of both.

    Parameters
    ----------
    counts
        Number of agents on each rank.
    """

    counts: tuple[int, ...]

    @classmethod
    def even(cls, agents: int, ranks: int) -> Self:
        """Blocks as even as possible.

        Raises
        ------
        ConfigurationError
            If there are more ranks than agents.
        """
        if ranks > agents:
            raise ConfigurationError(
                f"agents: expected at least one for each of {ranks} ranks, got {agents}; start"
                f" {agents} ranks or fewer (mpirun -n {agents}), or use more agents"
            )
        return cls(tuple(np.diff(np.arange(ranks + 1) * agents // ranks).tolist()))

    @classmethod
    def balanced(cls, efforts: NDArray[np.int64], ranks: int) -> Self:
        """Blocks with the smallest greatest effort, or even ones if nearly as good.

        Parameters
        ----------
        efforts
            What a step of each agent takes, in any unit, shape (agents,).
        """
        even = cls.even(len(efforts), ranks)
        done = np.concatenate([[0], np.cumsum(efforts)])
        greatest = int(np.diff(done[even.starts]).max())
        least = max(int(efforts.max()), -(-int(done[-1]) // ranks))
        limits = range(least, greatest)
        limit = least + bisect_left(limits, True, key=lambda most: bool(_packed(done, ranks, most)))
        counts = _packed(done, ranks, limit)
        return cls(counts) if counts and greatest > _WORTH_IT * limit else even

    @property
    def agents(self) -> int:
        """N."""
        return sum(self.counts)

    @property
    def ranks(self) -> int:
        """Number of ranks."""
        return len(self.counts)

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """First agent of each rank, and one past the last agent; shape (ranks + 1,)."""
        return np.concatenate([[0], np.cumsum(self.counts)])

    def hosted(self, rank: int) -> range:
        """Agents of a rank."""
        return range(int(self.starts[rank]), int(self.starts[rank + 1]))

    def host(self, agent: NDArray[np.int64]) -> NDArray[np.int64]:
        """Rank of each agent."""
        return np.searchsorted(self.starts, agent, side="right") - 1


def _packed(done: NDArray[np.int64], ranks: int, most: int) -> tuple[int, ...] | None:
    """Blocks of at most this effort, filled from the last rank on; None if too many.

    Rank 0, which also records, gets what is left.

    Parameters
    ----------
    done
        Efforts of the first 0, 1, …, N agents together.
    """
    stops = [len(done) - 1]
    for others in reversed(range(1, ranks)):
        first = int(np.searchsorted(done, done[stops[-1]] - most))
        stops.append(max(first, others))
    stops.append(0)
    starts = np.array(stops[::-1])
    return tuple(np.diff(starts).tolist()) if done[starts[1]] <= most else None
