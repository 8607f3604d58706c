"""What W costs a rank that finds the others' half-steps at hand."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.communication import Mixing, OnLinks, PartialAverage, Recurring, Schedule, Weights
from udsgd_mpi.engine.exchange_plan import LinkPlan, Plan, Rows
from udsgd_mpi.engine.fused_steps import FusedSteps, Memory
from udsgd_mpi.engine.iterates import Iterates
from udsgd_mpi.engine.placement import Layout, most_copies
from udsgd_mpi.engine.sgd import StepByStep, Update, local_steps
from udsgd_mpi.kernels.agent_sums import mean_of_rows
from udsgd_mpi.kernels.rounding import DOUBLE, restore, round_off
from udsgd_mpi.objectives import CompiledObjective, Objective, Points

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
        self._iterates = Iterates.alone(len(self._hosted), trials, d)
        self._shared = shared
        recurring = [W for W in schedule.planned if isinstance(W, Weights)]
        self._rows = {id(W): self._rows_of(W, recurring) for W in recurring}
        self._links: LinkPlan | None = None
        if isinstance(schedule, OnLinks):
            self._links = LinkPlan(schedule, layout, rank, self._sections())
        elements = trials * d
        self._mixed = np.zeros((len(self._hosted), elements))
        self._lost = np.zeros((len(self._hosted) if number != DOUBLE else 0, elements))
        # Of ones, as zeros that nobody has written to are one page of memory.
        self._half_steps = np.ones(
            (len(self._hosted) + most_copies(schedule, layout, rank), elements)
        )
        self._everyone = np.ones((layout.agents, max(1, elements // layout.ranks)))
        self._mean = np.zeros(elements)

    def update(self, objective: Objective, points: Points, batch: Integers) -> Update:
        """The update as a run takes it."""
        rows = list(self._rows.values())
        fused = self._links or len(rows) == len(self._schedule.planned) > 0
        dense = not points.sparse
        if self._shared and fused and dense and isinstance(objective, CompiledObjective):
            return _FusedAlone(self._fused(objective, points, batch, rows), self._schedule)
        descend = local_steps(self._iterates, objective, points, batch)
        return StepByStep(descend, self, self._schedule.times)

    def __call__(self, n: int) -> None:
        """Mix as many half-steps elsewhere."""
        half_steps = self._iterates.mixed.rows
        if len(self._lost):
            round_off(half_steps, self._lost)
            restore(half_steps, self._lost)
        if self._links:
            self._links.draw(self._schedule.count(n))
            self._links.sends.rows(self._links.drawing.there)
            for rows in _at_hand(self._links):
                rows.combine(self._half_steps, self._mixed)
            return
        W = self._schedule.mixing(n)
        if isinstance(W, Weights):
            for rows in self._rows[id(W)]:
                rows.combine(self._half_steps, self._mixed)
        else:
            self._average(W, half_steps)

    def _fused(
        self,
        objective: CompiledObjective,
        points: Points,
        batch: Integers,
        planned: Sequence[tuple[Rows, Rows]],
    ) -> FusedSteps:
        mixed = self._iterates.mixed.buffers
        first, second = (buffer.reshape(self._iterates.theta.shape) for buffer in mixed)
        counts, nobody = np.zeros(1, dtype=np.int64), np.empty(0, dtype=np.int64)
        half_steps = self._half_steps, self._half_steps
        memory = Memory((first, second), half_steps, mixed, self._lost, counts, 0, nobody)
        interiors, borders = zip(
            *([_at_hand(self._links)] if self._links else planned), strict=True
        )
        return FusedSteps(objective, points, batch, memory, interiors, borders, self._links)

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
        return _at_hand(Plan(W, self._layout, self._rank, self._sections(), recurring))

    def _sections(self) -> dict[int, int]:
        """Where the half-steps of each rank begin that are read in memory."""
        ranks = range(self._layout.ranks) if self._shared else [self._rank]
        starts = self._layout.starts.tolist()
        return {rank: starts[rank] for rank in ranks}


def _at_hand(plan: Plan | LinkPlan) -> tuple[Rows, Rows]:
    """Interior and border, with all half-steps that they need one after the other."""
    interior, border = (
        rows._replace(needed=np.arange(len(rows.needed))) for rows in (plan.interior, plan.border)
    )
    return interior, border


class _FusedAlone:
    """The update in one kernel."""

    def __init__(self, steps: FusedSteps, schedule: Schedule) -> None:
        self._steps = steps
        self._schedule = schedule

    def __call__(self, n: int, X: NDArray[np.int32], gamma: Floats) -> None:
        schedule, m = self._schedule, n + len(X)
        times = schedule.times(n, m) - n
        which = schedule.order(n, m) if isinstance(schedule, Recurring) else np.zeros_like(times)
        self._steps(0, X, gamma, times, which, schedule.count(n))
