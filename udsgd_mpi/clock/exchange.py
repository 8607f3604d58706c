"""What an aggregation costs the agents: messages, and waiting for each other.

A message is one θ. Its sender's link is busy with it for a while, and it arrives a latency after
it has left; the receiver's side is never what delays. An agent goes on when all of its messages
have left and all that it needs have arrived.
"""

from abc import ABC, abstractmethod
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.communication import Average, Mixing, PartialAverage, Weights
from udsgd_mpi.kernels.compiled import kernel

Floats = NDArray[np.float64]


class Link(NamedTuple):
    """Seconds that a message keeps its sender's link busy, and that it travels then."""

    busy: float
    latency: float


class Exchange(ABC):
    """An aggregation as the clock sees it.

    Attributes
    ----------
    messages
        How many the agents send each other.
    """

    messages: int

    @abstractmethod
    def advance(self, now: Floats, link: Link) -> None:
        """Move every agent's time (agents,) from the end of its step to that of the exchange."""


class Neighbours(Exchange):
    """Sparse W: an agent waits for those with a positive weight in its row.

    Its own messages share its link and leave side by side, so that all are gone at the same time.
    """

    def __init__(self, weights: Weights) -> None:
        rows = weights.rows
        needed = (weights.values > 0) & (weights.columns != rows)
        self._senders = weights.columns[needed]
        self._offsets = np.searchsorted(rows[needed], np.arange(len(weights) + 1))
        self._sends = np.bincount(self._senders, minlength=len(weights))
        self.messages = len(self._senders)

    def advance(self, now: Floats, link: Link) -> None:
        _wait(self._offsets, self._senders, now + self._sends * link.busy, link.latency, now)


@kernel("void(int64[::1], int32[::1], float64[::1], float64, float64[::1])")
def _wait(
    offsets: NDArray[np.int64],
    senders: NDArray[np.int32],
    sent: Floats,
    latency: float,
    now: Floats,
) -> None:
    for i in range(len(now)):
        now[i] = sent[i]
        for k in range(offsets[i], offsets[i + 1]):
            now[i] = max(now[i], sent[senders[k]] + latency)


class Tree(Exchange):
    """An average that all agents have at the same time, ⌈log₂ N⌉ messages up a tree and down."""

    def __init__(self, agents: int) -> None:
        self._levels = (agents - 1).bit_length()
        self.messages = 2 * (agents - 1)

    def advance(self, now: Floats, link: Link) -> None:
        now[:] = now.max() + 2 * self._levels * (link.busy + link.latency)


class Round(Exchange):
    """A tree of the members alone; then who enters and who leaves change places by a message each.

    Who leaves passes on the average, who enters its half-step; all other agents wait for nobody.
    """

    def __init__(self, mixing: PartialAverage) -> None:
        self._members = mixing.members
        self._leaving, self._entering = mixing.leaving, mixing.entering
        self._tree = Tree(len(mixing.members))
        self.messages = self._tree.messages + 2 * len(self._leaving)

    def advance(self, now: Floats, link: Link) -> None:
        members = now[self._members]
        self._tree.advance(members, link)
        now[self._members] = members
        leaving, entering = now[self._leaving] + link.busy, now[self._entering] + link.busy
        now[self._leaving] = np.maximum(leaving, entering + link.latency)
        now[self._entering] = np.maximum(entering, leaving + link.latency)


def exchange_of(mixing: Mixing, agents: int) -> Exchange:
    """How W_n is carried out by N agents, each on a machine of its own."""
    if isinstance(mixing, Average):
        return Tree(agents)
    if isinstance(mixing, PartialAverage):
        return Round(mixing)
    return Neighbours(mixing)
