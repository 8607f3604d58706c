"""Which interval between aggregations is best, from Python."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from udsgd_mpi.api.as_before import as_before
from udsgd_mpi.support.errors import ConfigurationError, nearest

if TYPE_CHECKING:
    from udsgd_mpi.api.asked import Experiments
    from udsgd_mpi.communication.intervals import Interval
    from udsgd_mpi.experiment.schema import Experiment
    from udsgd_mpi.forecast import Approach
    from udsgd_mpi.forecast.intervals import IntervalPlan

INTERVALS: "Sequence[Interval]" = (1, 2, 5, 10, 20, 50, 100, "log")


def plan_intervals(
    experiments: "Experiments",
    intervals: "Sequence[Interval]" = INTERVALS,
    *,
    seconds: float | None = None,
    sent: float | None = None,
    variant: str | None = None,
    by: "Approach" = "auto",
    paths: int | None = None,
) -> "IntervalPlan":
    """Which interval between aggregations has the least error for a budget, without running.

    Parameters
    ----------
    experiments
        By name, as ``load`` makes them, or one alone; with a number of agents.
    intervals
        What ``communication.interval`` may be.
    seconds
        The budget: what simulated time may pass for the slowest agent, see ``timing``.
    sent
        Or bytes that agents may send in a trial. By default the budget is what the experiment takes
        as it is, in seconds where it has a table ``timing``.
    variant
        The one to plan for; by default the first.
    by, paths
        As ``predict``; not ``"linear"``, in which agents do not drift apart.

    Raises
    ------
    ConfigurationError
        If something is wrong with the experiments, nothing can be predicted of them, or they have
        no such intervals.

    Examples
    --------
    >>> found = plan_intervals(load("intervals"), [1, 5, 25, "log"], seconds=100)
    >>> found.best.interval, [each.interval for each in found.as_good]
    """
    from udsgd_mpi.api.asked import checked

    with as_before():
        return planned_intervals(checked(experiments), intervals, seconds, sent, variant, by, paths)


def planned_intervals(
    experiments: "Mapping[str, Experiment]",
    intervals: Sequence[Any],
    seconds: float | None,
    sent: float | None,
    variant: str | None,
    by: "Approach",
    paths: int | None,
) -> "IntervalPlan":
    """A plan for checked experiments; see ``plan_intervals``."""
    from udsgd_mpi.forecast.intervals import Budget, plan_intervals, usual_budget
    from udsgd_mpi.problem import LoneTeam, pose_all, with_agents_of_data
    from udsgd_mpi.support.launcher import cores

    known = [_interval(each) for each in intervals]
    if not known:
        raise ConfigurationError("intervals: expected one at least, got none")
    for name, value in (("seconds", seconds), ("bytes", sent)):
        if value is not None and not value > 0:
            raise ConfigurationError(f"{name}: expected a number above 0, got {value}")
    if by == "linear":
        raise ConfigurationError(
            "by: expected 'auto' or 'paths', got 'linear', which knows of no drift between"
            " aggregations; leave it out"
        )
    if seconds is not None and sent is not None:
        raise ConfigurationError("budget: expected seconds or bytes, got both")
    experiments = with_agents_of_data(experiments)
    name = variant or next(iter(experiments))
    if name not in experiments:
        raise ConfigurationError(f"unknown variant {name!r}: {nearest(name, experiments)}")
    problem = pose_all({name: experiments[name]}, LoneTeam, 1)[name]
    budget = Budget(seconds, sent) if seconds or sent else usual_budget(problem)
    team = LoneTeam(len(problem.summaries), cores())
    return plan_intervals(problem, team, known, budget, by, paths)


def _interval(given: Any) -> "Interval":
    import msgspec

    from udsgd_mpi.communication.intervals import Interval

    try:
        found: Interval = msgspec.convert(given, Interval)
    except msgspec.ValidationError as error:
        raise ConfigurationError(
            "intervals: expected numbers from 1 on, lists of them, 'log' or 'loglog', got"
            f" {given!r}"
        ) from error
    return found
