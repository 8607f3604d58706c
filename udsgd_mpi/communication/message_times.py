"""How long messages take on links that may differ from agent to agent."""

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.kernels.compiled import kernel

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Latency:
    """Seconds that a message travels from one agent to another.

    From i to j it is ``seconds[region[i], region[j]]``, so that one number takes no more memory
    than a region, and a matrix is that of agents which are a region each.

    Attributes
    ----------
    region
        Of each agent, shape (agents,).
    seconds
        From one region to another, shape (regions, regions).
    """

    region: Integers
    seconds: Floats

    @classmethod
    def uniform(cls, agents: int, seconds: float) -> Self:
        """The same between all agents."""
        return cls(np.zeros(agents, dtype=np.int64), np.array([[seconds]], dtype=np.float64))

    @classmethod
    def matrix(cls, seconds: Floats) -> Self:
        """From each agent to each other, shape (agents, agents)."""
        return cls(np.arange(len(seconds)), np.ascontiguousarray(seconds, dtype=np.float64))

    def between(self, senders: Integers, receivers: Integers) -> Floats:
        """Of messages from senders to receivers, of the shape of both."""
        return np.asarray(self.seconds[self.region[senders], self.region[receivers]])


@dataclass(frozen=True, eq=False)
class MessageTimes:
    """What messages of one size take.

    Attributes
    ----------
    busy
        Seconds that a message keeps the link of each agent that sends it busy, shape (agents,).
    latency
        Seconds that it travels then.
    """

    busy: Floats
    latency: Latency

    def through_tree(self, members: Integers) -> float:
        """How long it takes to sum up a binomial tree, and to send the sum down again.

        The members are numbered r = 0, …, m − 1 in ascending order. At level k = 0, 1, …,
        ⌈log₂ m⌉ − 1 on the way up r = 2^k (mod 2^(k + 1)) sends to r − 2^k; on the way down the
        levels and messages are reversed (as in MPI's binomial trees, which look at no distance
        either). The levels follow each other, so that one lasts as long as its slowest message:
        Σ over levels of max over messages i → j of busy_i + latency_ij.
        """
        levels = (len(members) - 1).bit_length()
        slowest = np.zeros(2 * levels)
        _levels(members, self.busy, self.latency.region, self.latency.seconds, slowest)
        return math.fsum(slowest)  # rounded once: where all are alike, as their multiple is


@kernel("void(int64[::1], float64[::1], int64[::1], float64[:, ::1], float64[::1])")
def _levels(
    members: Integers, busy: Floats, region: Integers, seconds: Floats, slowest: Floats
) -> None:
    """Put the longest of the messages of each level up, then of each level down."""
    levels = len(slowest) // 2
    for level in range(levels):
        distance = 1 << level
        for r in range(distance, len(members), 2 * distance):
            i, j = members[r], members[r - distance]
            up = busy[i] + seconds[region[i], region[j]]
            down = busy[j] + seconds[region[j], region[i]]
            slowest[level] = max(slowest[level], up)
            slowest[levels + level] = max(slowest[levels + level], down)
