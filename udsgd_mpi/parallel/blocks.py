"""The iterates that a rank holds: its agents' own, and room for copies of others'."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.engine.placement import Layout
from udsgd_mpi.kernels.rounding import DOUBLE, restore, round_off
from udsgd_mpi.parallel.host_memory import HostMemory

Floats = NDArray[np.float64]


class Sent(NamedTuple):
    """What a rank gives to others: messages and their bytes, also those in shared memory."""

    messages: int
    bytes: int


class Blocks:
    """Two buffers of agents × trials × d: one with the present θ, one for what mixing makes of it.

    The first rows belong to the agents that the rank hosts; the rows after them receive copies
    of other agents' half-steps.

    Parameters
    ----------
    copies
        Number of rows for copies.
    memory
        Where the buffers lie, a section of it; by default in memory of this rank alone.
    number
        Type of the numbers in a message.

    Attributes
    ----------
    lost
        What rounding to it has taken from the hosted agents' rows; without rows where there is
        no rounding.
    """

    def __init__(
        self,
        layout: Layout,
        rank: int,
        copies: int,
        trials: int,
        d: int,
        memory: HostMemory | None = None,
        number: np.dtype[Any] = DOUBLE,
    ) -> None:
        self.layout = layout
        self.rank = rank
        self.agents = len(layout.hosted(rank))
        self.trials = trials
        self.d = d
        rows = self.agents + copies
        self.memory = memory or HostMemory.private(rank, rows, trials * d)
        first = self.memory.first[rank]
        one, other = (buffer[first : first + rows] for buffer in self.memory.buffers)
        self.buffers = (one, other)
        self.present = 0
        self.number = number
        self.lost = np.empty((self.agents if number != DOUBLE else 0, trials * d))

    @property
    def row_bytes(self) -> int:
        """Bytes of an agent's θ in all trials, as it is sent."""
        return self.trials * self.d * self.number.itemsize

    def round_off(self) -> None:
        """Round the present iterates to what a message can say, and keep what they lose."""
        if len(self.lost):
            round_off(self.rows, self.lost)

    def restore(self) -> None:
        """Give it back."""
        if len(self.lost):
            restore(self.rows, self.lost)

    @property
    def rows(self) -> Floats:
        """Present iterates of the hosted agents, shape (agents, trials · d); a view."""
        return self.buffers[self.present][: self.agents]

    @property
    def theta(self) -> Floats:
        """Present iterates of the hosted agents, shape (agents, trials, d); a view."""
        return self.rows.reshape(self.agents, self.trials, self.d)
