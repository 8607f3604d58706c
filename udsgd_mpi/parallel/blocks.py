"""The iterates that a rank holds: its agents' own, and room for copies of others'."""

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.layout import Layout

Floats = NDArray[np.float64]


class Blocks:
    """Two buffers of agents × trials × d: one with the present θ, one for what mixing makes of it.

    The first rows belong to the agents that the rank hosts; the rows after them receive copies
    of other agents' half-steps.

    Parameters
    ----------
    copies
        Number of rows for copies.
    """

    def __init__(self, layout: Layout, rank: int, copies: int, trials: int, d: int) -> None:
        self.layout = layout
        self.rank = rank
        self.agents = len(layout.hosted(rank))
        self.trials = trials
        self.d = d
        self.buffers = [np.zeros((self.agents + copies, trials * d)) for _ in range(2)]
        self.present = 0

    @property
    def rows(self) -> Floats:
        """Present iterates of the hosted agents, shape (agents, trials · d); a view."""
        return self.buffers[self.present][: self.agents]

    @property
    def theta(self) -> Floats:
        """Present iterates of the hosted agents, shape (agents, trials, d); a view."""
        return self.rows.reshape(self.agents, self.trials, self.d)
