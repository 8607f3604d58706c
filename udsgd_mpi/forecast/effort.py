"""In how many trials, and for how many steps, the update is followed."""

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.forecast.followed import Followed, FollowedTrials
from udsgd_mpi.forecast.means import MeanOverTrials
from udsgd_mpi.problem import Problem

Floats = NDArray[np.float64]

# Standard errors of the mean square, and of others at the last step.
_TOLERANCE, _TOLERANCE_OF_OTHERS = 0.02, 0.03
_FIRST_TRIALS, _FEWEST_TRIALS, _MOST_TRIALS = 1000, 20, 10_000
_MARGIN = 1.1  # as the spread is not known well yet
_ROUNDING = 1e-28  # of squares
# Where the first order will do in the end, of a trial, and of all agents and trials.
_LAST_STEP, _MOST_STEPS = 100_000, 2 * 10**8
_MOST_WORK = 2**30  # numbers of all θ, times steps: some seconds


def first_trials(agents: int) -> int:
    """In how many trials the update is followed at least."""
    return max(_FEWEST_TRIALS, min(_FIRST_TRIALS // agents, 5 * _FEWEST_TRIALS))


def last_followed(problem: Problem) -> int:
    """The last step up to which trials are followed.

    Where noise does not cancel, the first order is right in the end.
    """
    groups, steps = problem.experiment.groups, problem.experiment.steps
    if problem.schedule.staleness:  # where it leaves out what delays add
        return steps
    if any(groups[entry.group].sampler.long_memory for entry in problem.summaries):
        return steps
    N = len(problem.summaries)
    return min(steps, _LAST_STEP, max(1, _MOST_STEPS // (N * first_trials(N))))


def followed(
    following: FollowedTrials,
    problem: Problem,
    of_theta: tuple[Floats, Floats],
    of_average: tuple[Floats, Floats],
) -> Followed:
    """As many trials as it takes for small standard errors, within limits; collective.

    Parameters
    ----------
    of_theta, of_average
        The first order at the steps that are looked at, and its standard error.
    """
    N, steps = len(problem.summaries), problem.experiment.steps
    trials = first_trials(N)
    most = max(trials, min(_MOST_TRIALS, _MOST_WORK // (N * problem.d * steps)))
    while True:
        found = following.follow(trials)
        mse = found.theta.corrected(*of_theta)
        others = [disagreement(found, problem)]
        if problem.experiment.record.polyak:
            others.append(found.average.corrected(*of_average))
        lacking = max(
            mse.relative_error.max() / _TOLERANCE,
            *(np.nan_to_num(other.relative_error[-1]) / _TOLERANCE_OF_OTHERS for other in others),
        )
        if lacking <= 1 or trials == most or not np.isfinite(mse.mean).all():
            return found
        trials = int(min(most, np.ceil(_MARGIN * trials * lacking**2)))


def disagreement(found: Followed, problem: Problem) -> MeanOverTrials:
    """The consensus error; NaN where it is of rounding alone."""
    mean = MeanOverTrials.of(found.consensus)
    rounding = _ROUNDING * ((problem.minimizer**2).sum() + found.theta.update[0].mean())
    alike = mean.mean < rounding
    return mean._replace(
        mean=np.where(alike, np.nan, mean.mean), error=np.where(alike, np.nan, mean.error)
    )
