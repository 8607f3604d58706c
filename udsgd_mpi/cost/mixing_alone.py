"""What W costs a rank that finds the others' half-steps at hand."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.agent_sums import mean_of_rows
from udsgd_mpi.communication import Mixing, PartialAverage, Schedule, Weights
from udsgd_mpi.exchange_plan import Plan, Rows
from udsgd_mpi.fused import FusedSteps, Memory
from udsgd_mpi.layout import Layout, most_copies
from udsgd_mpi.objectives import CompiledObjective, Objective, Points
from udsgd_mpi.rounding import DOUBLE, restore, round_off
from udsgd_mpi.sgd import StepByStep, Update

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class MixingAlone:
    """W of the equation without its messages; the half-steps stay as they are.

    Parameters
    ----------
    number
        Type of the numbers in a message.
    shared
        Whether half-steps are read in memory that the ranks share.
    """

    def __init__(
        self,
        schedule: Schedule,
        layout: Layout,
        rank: int,
        trials: int,
        d: int,
        number: np.dtype[Any] = DOUBLE,
        *,
        shared: bool,
    ) -> None:
        self._schedule = schedule
        self._layout = layout
        self._rank = rank
        self._hosted = layout.hosted(rank)
        self._shape = (len(self._hosted), trials, d)
        self._shared = shared
        recurring = [W for W in schedule.planned if isinstance(W, Weights)]
        self._rows = {id(W): self._rows_of(W, recurring) for W in recurring}
        elements = trials * d
        self._mixed = np.zeros((len(self._hosted), elements))
        self._lost = np.zeros((len(self._hosted) if number != DOUBLE else 0, elements))
        # Of ones, as zeros that nobody has written to are one page of memory.
        self._half_steps = np.ones(
            (len(self._hosted) + most_copies(schedule, layout, rank), elements)
        )
        self._everyone = np.ones((layout.agents, max(1, elements // layout.ranks)))
        self._mean = np.zeros(elements)

    def update(
        self, objective: Objective, points: Points, batch: Integers, times: Integers
    ) -> Update:
        """The update as a run takes it."""
        rows = self._rows.get(id(self._schedule.constant))
        dense = isinstance(points.features, np.ndarray)
        if self._shared and rows and dense and isinstance(objective, CompiledObjective):
            return _FusedAlone(self._fused(objective, points, batch, rows), times)
        return StepByStep(objective, points, batch, self, times)

    def __call__(self, n: int, half_steps: Floats) -> Floats:
        """The half-steps, once they have been mixed elsewhere."""
        W = self._schedule.mixing(n)
        if len(self._lost):
            whole = half_steps.reshape(self._lost.shape)
            round_off(whole, self._lost)
            restore(whole, self._lost)
        if isinstance(W, Weights):
            for rows in self._rows.get(id(W)) or self._rows_of(W, []):
                rows.combine(self._half_steps, self._mixed)
        else:
            self._average(W, half_steps.reshape(len(half_steps), -1))
        return half_steps

    def _fused(
        self, objective: CompiledObjective, points: Points, batch: Integers, rows: tuple[Rows, Rows]
    ) -> FusedSteps:
        theta = np.zeros(self._shape), np.zeros(self._shape)
        mixed = theta[0].reshape(self._mixed.shape), theta[1].reshape(self._mixed.shape)
        counts, nobody = np.zeros(1, dtype=np.int64), np.empty(0, dtype=np.int64)
        half_steps = self._half_steps, self._half_steps
        memory = Memory(theta, half_steps, mixed, self._lost, *rows, counts, 0, nobody)
        return FusedSteps(objective, points, batch, memory)

    def _average(self, W: Mixing, half_steps: Floats) -> None:
        everyone, members = self._everyone, np.arange(self._layout.agents)
        if isinstance(W, PartialAverage):
            members = W.members
        if not self._shared:  # own agents' half-steps are cut into slices, all agents' arrive
            np.concatenate([half_steps[np.isin(self._hosted, members)]])
            everyone = np.ones_like(everyone)
        mean_of_rows(everyone, members, 0, self._mean[: everyone.shape[1]])
        self._mixed[:] = self._mean

    def _rows_of(self, W: Weights, recurring: list[Weights]) -> tuple[Rows, Rows]:
        ranks = range(self._layout.ranks) if self._shared and recurring else [self._rank]
        starts = self._layout.starts.tolist()
        plan = Plan(W, self._layout, self._rank, {r: starts[r] for r in ranks}, recurring)
        interior, border = (
            rows._replace(needed=np.arange(len(rows.needed)))
            for rows in (plan.interior, plan.border)
        )
        return interior, border


class _FusedAlone:
    """The update in one kernel; its θ is not the argument."""

    def __init__(self, steps: FusedSteps, times: Integers) -> None:
        self._steps = steps
        self._times = times

    def __call__(self, n: int, theta: Floats, X: NDArray[np.int32], gamma: Floats) -> Floats:
        first, last = np.searchsorted(self._times, [n, n + len(X)], side="right")
        self._steps(0, X, gamma, self._times[first:last] - n)
        return theta
