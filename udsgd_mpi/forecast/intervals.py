"""Which interval between aggregations is best where messages take time, or bytes are counted.

Rare aggregations cost less and let agents take more steps in the same time, but agents that drift
apart move their average (``Prediction.beyond_first_order``). Of each interval both are known before
a run: the steps from the clock, the error after them from ``predict``.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from msgspec import structs

from udsgd_mpi.clock import elapsed, steps_by_bytes, steps_in_time
from udsgd_mpi.communication.intervals import Interval
from udsgd_mpi.engine.states import message_of_run
from udsgd_mpi.experiment.schema import Experiment
from udsgd_mpi.forecast.agent import Approach
from udsgd_mpi.forecast.forecasts import Forecasts
from udsgd_mpi.forecast.predict import predict
from udsgd_mpi.methods.step_sizes import ByRound
from udsgd_mpi.problem import Problem, Team, schedule_of
from udsgd_mpi.support.errors import ConfigurationError

MOST_STEPS = 1_000_000  # that are looked at

_AS_GOOD = 2.0  # standard errors


class Budget(NamedTuple):
    """What may be spent: simulated seconds, or bytes of messages in a trial; the other is None."""

    seconds: float | None
    sent: float | None


class Reached(NamedTuple):
    """What theory and the clock expect after some steps.

    Attributes
    ----------
    step
        n.
    mse, error
        E‖θ_n − θ*‖² and the standard error of this prediction; NaN where none is promised.
    seconds
        Simulated, until the slowest agent has got there; NaN without a clock.
    sent
        Bytes of messages in a trial until then.
    """

    step: int
    mse: float
    error: float
    seconds: float
    sent: int


class OfInterval(NamedTuple):
    """What is expected with an interval K.

    Attributes
    ----------
    at_last
        After the steps of the experiment.
    in_budget
        After the last step within the budget; None where that is beyond ``MOST_STEPS``.
    """

    interval: Interval
    at_last: Reached
    in_budget: Reached | None


@dataclass(frozen=True)
class IntervalPlan:
    """Errors of several intervals, within one budget.

    Attributes
    ----------
    problem
        With the interval of the experiment.
    budget
        What may be spent.
    found
        Of each interval, in the order in which they were asked for.
    """

    problem: Problem
    budget: Budget
    found: list[OfInterval]

    @property
    def best(self) -> OfInterval | None:
        """That with the least error within the budget; None where none is known."""
        known = [each for each in self.found if _known(each)]
        return min(known, key=lambda each: _mse(each)[0], default=None)

    @property
    def as_good(self) -> list[OfInterval]:
        """The best, and those whose difference is within two standard errors of predictions."""
        best = self.best
        if best is None:
            return []
        least, error = _mse(best)
        return [
            each
            for each in self.found
            if _known(each) and _mse(each)[0] - least <= _AS_GOOD * np.hypot(error, _mse(each)[1])
        ]


def plan_intervals(
    problem: Problem,
    team: Team,
    intervals: Sequence[Interval],
    budget: Budget,
    method: Approach = "auto",
    paths: int | None = None,
) -> IntervalPlan:
    """Predict errors of a problem for several intervals; collective where ``team`` is.

    Parameters
    ----------
    method, paths
        As ``predict`` has them.

    Raises
    ------
    ConfigurationError
        If the pattern has no interval, the method allows none of these, or seconds are asked for
        without a clock.
    """
    variants = [_with_interval(problem, interval, team) for interval in intervals]
    last = problem.experiment.steps
    reached = [_steps_within(each, budget) for each in variants]
    known = [n for n in reached if n < MOST_STEPS]
    steps = np.unique([last, *known])
    forecasts = Forecasts()
    found = []
    for interval, variant, n in zip(intervals, variants, reached, strict=True):
        wanted = np.unique([last] if n == MOST_STEPS else [n, last])
        longer = structs.replace(variant.experiment, steps=int(wanted[-1]))
        # All forecasts are of the same steps, as those of agents are then made once.
        predicted = predict(
            replace(variant, experiment=longer),
            team,
            steps,
            method=method,
            trials=paths,
            forecasts=forecasts,
        )
        passed = elapsed(
            variant.schedule, variant.clock, team.agents, _message(variant), wanted, team.check_in
        )
        at = {}
        for row, step in enumerate(wanted.tolist()):
            column = int(np.searchsorted(steps, step))
            seconds = np.nan if passed.seconds is None else float(passed.seconds[row].max())
            mse, error = float(predicted.mse[column]), float(predicted.error[column])
            at[step] = Reached(step, mse, error, seconds, int(passed.sent[row]))
        found.append(OfInterval(interval, at[last], at.get(n)))
    return IntervalPlan(problem, budget, found)


def usual_budget(problem: Problem) -> Budget:
    """What the experiment takes as it is: in seconds where it has a clock, else in bytes."""
    steps = np.array([problem.experiment.steps])
    agents = len(problem.summaries)
    passed = elapsed(problem.schedule, problem.clock, agents, _message(problem), steps)
    if passed.seconds is None:
        return Budget(None, int(passed.sent[0]))
    return Budget(float(passed.seconds[0].max()), None)


def _with_interval(problem: Problem, interval: Interval, team: Team) -> Problem:
    experiment = with_interval(problem.experiment, interval)
    schedule = schedule_of(experiment, problem.topology)
    experiment.method.check_mixing(schedule, team.agents)
    return replace(problem, experiment=experiment, schedule=schedule)


def with_interval(experiment: Experiment, interval: Interval) -> Experiment:
    """The same with another interval, and with it the rounds of its step size.

    Raises
    ------
    ConfigurationError
        If the pattern has none.
    """
    pattern, step_size = experiment.communication, experiment.step_size
    if "interval" not in pattern.__struct_fields__:
        raise ConfigurationError(
            "communication: expected a pattern with an interval, got"
            f" {pattern.__struct_config__.tag}; use another one, such as dsgd or lsgd_fp"
        )
    if isinstance(step_size, ByRound) and step_size.interval == pattern.interval:
        step_size = structs.replace(step_size, interval=interval)
    other = structs.replace(pattern, interval=interval)
    return structs.replace(experiment, communication=other, step_size=step_size)


def _steps_within(problem: Problem, budget: Budget) -> int:
    schedule, message, agents = problem.schedule, _message(problem), len(problem.summaries)
    if budget.sent is not None:
        return steps_by_bytes(schedule, agents, message, budget.sent, MOST_STEPS)
    if problem.clock is None or budget.seconds is None:
        raise ConfigurationError(
            "--seconds: expected a table [timing], got none; add one, or use --bytes"
        )
    return steps_in_time(schedule, problem.clock, agents, message, budget.seconds, MOST_STEPS)


def _message(problem: Problem) -> int:
    return message_of_run(problem.experiment, problem.objective, problem.d)


def _known(found: OfInterval) -> bool:
    return found.in_budget is not None and not np.isnan(found.in_budget.mse)


def _mse(found: OfInterval) -> tuple[float, float]:
    reached = found.in_budget
    return (np.inf, np.inf) if reached is None else (reached.mse, reached.error)
