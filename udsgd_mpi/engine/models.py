"""Models that walk over the agents, as one rank holds them.

    θ_{n+1} = θ_n − γ_{n+1} ω_i w(X^i_n) ∇F_i(θ_n, X^i_n),    i = A_n

for each walk k and trial t, which are one row of an array: row k · trials + t. Each rank has room
for all rows, and those are valid on it whose agent it hosts.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.communication import Layout
from udsgd_mpi.objectives import Objective, Points
from udsgd_mpi.objectives.base import Numbers
from udsgd_mpi.tokens import Places

Floats = NDArray[np.float64]
Indices = NDArray[np.int32]
Integers = NDArray[np.int64]


class Moves(NamedTuple):
    """Rows that go to other ranks, and that come from them, ascending, by rank."""

    leaving: dict[int, Integers]
    arriving: dict[int, Integers]


class Models:
    """θ of all walks in all trials.

    Parameters
    ----------
    initial
        θ_0 of each trial, shape (trials, d), the same for all walks.
    places
        Where they are.

    Attributes
    ----------
    rows
        θ, shape (walks · trials, d).
    layout
        Which rank hosts which agents.
    """

    def __init__(
        self, initial: Numbers, places: Places, walks: int, layout: Layout, rank: int
    ) -> None:
        self.rows = np.tile(initial, (walks, 1))
        self.layout = layout
        self._places = places
        self._walks, self._trials = walks, len(initial)
        self._host = layout.host(np.arange(layout.agents))
        self._rank = rank
        self._agent, self._hosts = self._at(0)

    @property
    def theta(self) -> Numbers:
        """The same, shape (walks, trials, d); a view."""
        return self.rows.reshape(self._walks, self._trials, -1)

    @property
    def agent(self) -> Indices:
        """The agent at which each row is."""
        return self._agent

    @property
    def hosts(self) -> Integers:
        """The rank on which each row is valid."""
        return self._hosts

    @property
    def mine(self) -> Integers:
        """The rows that are valid here, ascending."""
        return np.flatnonzero(self._hosts == self._rank)

    def at(self, agent: int) -> Integers:
        """The rows that are at an agent, ascending."""
        return np.flatnonzero(self._agent == agent)

    def trial(self, rows: Integers) -> Integers:
        """The trial of some rows, counted from 0."""
        return rows % self._trials

    def move(self, n: int) -> Moves:
        """Let all go to where they are after n steps; what that takes of ranks."""
        before = self._hosts
        self._agent, self._hosts = self._at(n)
        after = self._hosts
        if self.layout.ranks == 1:
            return Moves({}, {})
        leaving = np.flatnonzero((before == self._rank) & (after != self._rank))
        arriving = np.flatnonzero((before != self._rank) & (after == self._rank))
        return Moves(_by_rank(leaving, after[leaving]), _by_rank(arriving, before[arriving]))

    def go_on(self, n: int, check_in: Callable[[], None]) -> None:
        """Let all be where they are after n steps, without what they learn on the way."""
        self._agent, self._hosts = self._at(n, check_in)

    def _at(self, n: int, check_in: Callable[[], None] = lambda: None) -> tuple[Indices, Integers]:
        """Agents at which all are after n steps, and these agents' hosts."""
        agent = self._places.at(n, check_in).ravel().copy()
        return agent, self._host[agent]


def _by_rank(rows: Integers, ranks: Integers) -> dict[int, Integers]:
    return {rank: rows[ranks == rank] for rank in np.unique(ranks).tolist()}


class ModelSteps:
    """The steps of those models that are at hosted agents.

    Parameters
    ----------
    points
        Of the hosted agents, with weights that have ω_i.
    batch
        Number of points in a mini-batch of each of them, shape (agents,).
    """

    def __init__(
        self, models: Models, objective: Objective, points: Points, batch: Integers, first: int
    ) -> None:
        self.models = models
        self._objective, self._points, self._batch = objective, points, batch
        self._first = first

    def __call__(self, n: int, X: Indices, gamma: Floats) -> None:
        """Take the step after the n-th; X is that of all hosted agents, (1, agents, trials)."""
        models = self.models
        rows = models.mine
        if len(rows) == 0:
            return
        i = models.agent[rows] - self._first
        # Each is an agent with one trial to the kernel, which reads points by their own numbers.
        theta = models.rows[rows][:, None]
        x = np.ascontiguousarray(X[:, i, models.trial(rows)][..., None])
        descend: Callable[..., None] = self._objective.descend
        descend(theta, x, gamma, self._points, self._batch[i])
        models.rows[rows] = theta[:, 0]
