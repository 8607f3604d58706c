"""Warnings about a run that is allowed but likely to disappoint."""

from collections.abc import Iterator

import numpy as np

from udsgd_mpi.communication import Schedule
from udsgd_mpi.objectives.minimizer import Minimum
from udsgd_mpi.problem import Problem
from udsgd_mpi.theory.step_size import Polynomial, StepSize

_THIN = 0.2
_STABLE = 2.0
_NOTABLE_GROWTH = 2.0
_MOST_STEPS = 10_000
_FIRST_STEPS = 1000


def cautions(problem: Problem) -> Iterator[str]:
    """Warnings about one variant: an assumption of the limit theorem that it breaks."""
    experiment = problem.experiment
    yield from _of_mixing(problem)
    if problem.optimum is not None and problem.no_theorem is None:
        yield from _of_step_size(experiment.step_size, problem.optimum)


def _of_step_size(step_size: StepSize, optimum: Minimum) -> Iterator[str]:
    L, mu = optimum.largest_curvature, optimum.smallest_curvature
    growth = _growth(step_size, L)
    if growth > _NOTABLE_GROWTH:
        yield (
            f"step_size: γ₁L = {step_size.gamma * L:.3g} is above 2 (L = {L:.3g} is the largest"
            f" curvature of f at θ_0), so errors grow about {growth:.2g}-fold before they fall, or"
            f" for ever; use gamma below {_STABLE / L:.3g}"
        )
    if isinstance(step_size, Polynomial) and step_size.exponent == 1:
        margin = 2 * mu * step_size.gamma - 1
        if margin <= 0:
            yield (
                f"step_size: gamma = {step_size.gamma:g} is not above 1/(2μ) = {1 / (2 * mu):.4g},"
                " so the error falls more slowly than 1/n (Assumption 2.3); use a larger gamma, or"
                " an exponent below 1"
            )
        elif margin < _THIN:
            yield (
                f"step_size: gamma = {step_size.gamma:g} is barely above 1/(2μ) ="
                f" {1 / (2 * mu):.4g}; noise along the flattest direction (μ = {mu:.4g}) enters V"
                f" divided by 2μγ − 1 = {margin:.3g}, so the limit is large and is reached late;"
                " use a larger gamma"
            )


def _of_mixing(problem: Problem) -> Iterator[str]:
    experiment, schedule = problem.experiment, problem.schedule
    agents = len(problem.summaries)
    if agents == 1:
        return
    if not schedule.contracts(agents):
        yield (
            "communication: ‖E[WᵀW] − J‖ = 1, so the agents never reach consensus (Assumption"
            f" 2.5); {experiment.communication.remedy}"
        )
    elif schedule.count(experiment.steps) == 0:
        yield (
            "communication: the first aggregation is after the last step, so the agents never"
            " exchange; use a shorter interval, or more steps"
        )
    elif _later_ones_join(schedule, agents, experiment.steps):
        yield (
            "communication: aggregations up to the last step leave the agents in parts, which only"
            " a later one joins; use more steps, or for hlsgd a smaller outer"
        )


def _later_ones_join(schedule: Schedule, agents: int, steps: int) -> bool:
    """Whether the W up to the last step leave the agents in parts."""
    for last in (min(_FIRST_STEPS, steps), steps):  # drawing all of a long run would take long
        if (uses := schedule.uses(0, last)).any():
            moment = schedule.second_moment(agents, uses / uses.sum())
            if moment is None or moment.joins:
                return False
    return True


def _growth(step_size: StepSize, L: float) -> float:
    """Π |1 − γ_n L| over the first steps, in which γ_n L > 2."""
    factors = step_size(1, _MOST_STEPS) * L - 1
    with np.errstate(over="ignore"):
        return float(np.prod(factors[factors > 1]))
