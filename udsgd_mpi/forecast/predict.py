"""The mean square error that theory expects of a problem, agent by agent.

θ_n − θ* is to first order (1/N) Σ_i of what each agent's own noise makes of it, whatever the
agents' W_n are: every agent contributes its own variance, and these add up. What the first order
leaves out is found along followed trials, as many as it takes.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.forecast.agent import (
    AgentForecast,
    AgentMoments,
    Approach,
    from_the_start,
    overflowing,
)
from udsgd_mpi.forecast.effort import disagreement, followed, last_followed
from udsgd_mpi.forecast.followed import FollowedTrials, SamePaths
from udsgd_mpi.forecast.forecasts import Forecasts
from udsgd_mpi.forecast.independent import independent_traces
from udsgd_mpi.forecast.means import MeanOverTrials
from udsgd_mpi.forecast.models import limit_of_models, unpredicted_models, withheld_of_models
from udsgd_mpi.forecast.overshooting import first_steps, overshooting
from udsgd_mpi.forecast.paths import Functional
from udsgd_mpi.forecast.presence import presence_in_the_limit
from udsgd_mpi.forecast.stale_reads import require_new_reads
from udsgd_mpi.forecast.stationary import Stationary, stationary
from udsgd_mpi.forecast.withheld import why_withheld
from udsgd_mpi.problem import Problem, Team, inputs_of_law
from udsgd_mpi.support.errors import ConfigurationError

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Prediction:
    """What theory expects of the network average.

    Attributes
    ----------
    step
        n, shape (steps,).
    mse
        E‖θ_n − θ*‖², shape (steps,).
    error
        Standard error of ``mse``, shape (steps,); 0 where nothing was sampled.
    withheld
        Why some of ``mse`` are NaN, and at which steps; None where all are promised.
    averaged_mse, averaged_error
        The same of the Polyak–Ruppert average; NaN where that is not recorded and an agent's paths
        are sampled.
    consensus_error, consensus_error_error
        E of (1/N) Σ_i ‖θ^i_n − θ_n‖² and its standard error, shape (steps,); NaN where agents
        disagree by rounding alone, and where no trials were followed.
    first_order_mse
        What plans are about: ``mse`` by the first order, shape (steps,).
    linear_mse
        ``mse`` by the linear recursion of all agents, shape (steps,).
    contributions
        What each agent adds to ``mse`` at the last step, shape (agents,).
    limiting_covariance
        V, shape (d, d); NaN where no limit theorem holds.
    trace_error
        Standard error of Tr V; 0 unless V of some agents is estimated from paths.
    presence_covariance
        The part of V that is due to when agents are there, and the same in all trials of a run,
        shape (d, d); None where there is none.
    agent_traces
        What each agent adds to Tr V, Tr V_i / N², shape (agents,).
    independent_traces
        The same with independent draws; see ``forecast.independent``.
    first_steps
        By how much each agent's first steps overshoot; see ``overshooting.first_steps``.
    methods
        ``"linear"`` or ``"paths"`` for each agent; ``"paths alone"`` where no theory is known;
        ``"limit alone"`` where models walk.
    stationary
        What θ_n comes to under a constant step, or why that is not known; None where γ_n falls.
    """

    step: NDArray[np.int64]
    mse: Floats
    error: Floats
    averaged_mse: Floats
    averaged_error: Floats
    consensus_error: Floats
    consensus_error_error: Floats
    first_order_mse: Floats
    linear_mse: Floats
    contributions: Floats
    limiting_covariance: Floats
    trace_error: float
    agent_traces: Floats
    independent_traces: Floats
    first_steps: Floats
    methods: list[str]
    stationary: Stationary | str | None
    withheld: str | None = None
    presence_covariance: Floats | None = None

    @property
    def beyond_first_order(self) -> Floats:
        """What curvature, disagreement and large steps add to ``mse``, shape (steps,)."""
        return self.mse - self.first_order_mse

    @property
    def disagree(self) -> bool:
        """Whether at the last step the two ways differ by 5 % and 4 standard errors."""
        difference = abs(self.linear_mse[-1] - self.mse[-1])
        return bool(difference > max(0.05 * self.mse[-1], 4 * self.error[-1]))


@overflowing
def predict(
    problem: Problem,
    team: Team,
    steps: NDArray[np.int64],
    *,
    method: Approach = "auto",
    trials: int | None = None,
    forecasts: Forecasts | None = None,
) -> Prediction:
    """Predict the error of a problem at some steps; collective where ``team`` is.

    Parameters
    ----------
    method
        ``"linear"``: the linear recursion of θ and the visit histories, which takes the samplers'
        noise for white, and no more. ``"paths"``: the linear functional of sampled paths, and what
        followed trials add to it. ``"auto"``: likewise, but paths only for samplers that remember,
        or mix too slowly to be white by the last step.
    trials
        Number of paths of each agent; by default 2,000 of all agents together, at least 40 of each,
        four times as many of walks without a long memory, and where that leaves a standard error
        of more than 3 %, up to 16 times as many of the agents that it is due to.
    forecasts
        Knows what was forecast of agents of other problems.

    Raises
    ------
    ConfigurationError
        If nothing can be predicted, the linear recursion alone is asked for where reads are
        stale, or a method or paths where models walk.
    """
    if not problem.schedule.mixes:
        if method != "auto" or trials is not None:
            raise ConfigurationError(
                "communication token: expected neither --by nor --paths, as V of models that walk"
                " is computed in one way, without paths; leave them out"
            )
        return _of_models(problem, team, steps)
    if method == "linear":
        require_new_reads(problem, "--by linear")
    N = team.agents
    last = last_followed(problem) if method != "linear" else int(steps[-1])
    wanted, steps = steps, np.union1d(steps, min(last, steps[-1]))
    # Eigenvectors by different processors may differ in sign.
    spectrum = team.bcast(lambda: np.linalg.eigh(problem.hessian))
    forecast = AgentForecast(problem, spectrum, steps, trials, team.check_in)
    forecasts = forecasts or Forecasts()
    parts = forecasts(forecast, problem, team, method, adapt=trials is None)
    mean = _mean_of_parts(parts, team)
    start = from_the_start(problem, team, spectrum, steps)
    first_order = mse_of_mean(mean.theta, start[0], N)
    of_average = mse_of_mean(mean.average, start[1], N)
    theta, average = MeanOverTrials.exactly(*first_order), MeanOverTrials.exactly(*of_average)
    consensus, withheld = MeanOverTrials.exactly(*np.full((2, len(steps)), np.nan)), None
    if method != "linear":
        near = steps <= last
        following = FollowedTrials(problem, team, spectrum, steps[near], _at(near, start))
        found = followed(following, problem, _at(near, first_order), _at(near, of_average))
        theta = _with_what_is_beyond(first_order, found.theta, near)
        if problem.experiment.record.polyak:
            average = _with_what_is_beyond(of_average, found.average, near)
        consensus = disagreement(found, problem).on(near)
        holds = theta.holds[near]
        if not holds.all():
            withheld = why_withheld(
                problem.experiment,
                overshooting(problem, team),
                found.theta.update,
                theta.relative_error[near],
                steps[near],
                holds,
            )
    rows = np.isin(steps, wanted)
    V, traces = mean.V / N, np.array(team.allgather([np.trace(part.V) / N**2 for part in parts]))
    independent = independent_traces(problem, team, spectrum)
    presence = presence_in_the_limit(problem, team, forecast.in_the_limit)
    if presence:
        V, traces = V + presence.covariance, traces + presence.agent_traces
        independent = independent + presence.agent_traces
    return Prediction(
        step=wanted,
        mse=theta.promised.mean[rows],
        error=theta.promised.error[rows],
        averaged_mse=average.promised.mean[rows],
        averaged_error=average.promised.error[rows],
        consensus_error=consensus.mean[rows],
        consensus_error_error=consensus.error[rows],
        first_order_mse=first_order[0][rows],
        linear_mse=(mean.linear / N + (start[0] ** 2).sum(axis=1))[rows],
        contributions=np.array(team.allgather([part.theta.variance[-1] / N**2 for part in parts])),
        limiting_covariance=V,
        trace_error=float(mean.trace_error) / np.sqrt(N) / N,
        agent_traces=traces,
        independent_traces=independent,
        first_steps=first_steps(problem, team),
        methods=team.allgather([part.method for part in parts]),
        withheld=withheld,
        stationary=stationary(problem, team),
        presence_covariance=presence.covariance if presence else None,
    )


def _of_models(problem: Problem, team: Team, steps: NDArray[np.int64]) -> Prediction:
    """V of models that walk over the agents; errors at n, and parts of agents, are NaN."""
    if reason := unpredicted_models(problem):
        raise ConfigurationError(
            "communication token: expected models of which theory tells V, got others:"
            f" {reason}; use udsgd run"
        )
    V = limit_of_models(problem, team)
    by_step, by_agent = np.full(len(steps), np.nan), np.full(team.agents, np.nan)
    constant = problem.experiment.step_size.is_constant
    return Prediction(
        step=steps,
        mse=by_step,
        error=by_step,
        averaged_mse=by_step,
        averaged_error=by_step,
        consensus_error=by_step,
        consensus_error_error=by_step,
        first_order_mse=by_step,
        linear_mse=by_step,
        contributions=by_agent,
        limiting_covariance=V,
        trace_error=0.0,
        agent_traces=by_agent,
        independent_traces=by_agent,
        first_steps=first_steps(problem, team),
        methods=["limit alone"] * team.agents,
        stationary="it is of agents whose θ are mixed" if constant else None,
        withheld=withheld_of_models(V, problem),
    )


def _at(rows: NDArray[np.bool_], moments: tuple[Floats, Floats]) -> tuple[Floats, Floats]:
    return moments[0][rows], moments[1][rows]


def _with_what_is_beyond(
    first_order: tuple[Floats, Floats], found: SamePaths, near: NDArray[np.bool_]
) -> MeanOverTrials:
    """The mean square by steps, those included that were not followed.

    After the last step that was followed it is the first order, as far off as it was there.

    Parameters
    ----------
    near
        Which of the steps were followed, shape (steps,).
    """
    corrected = found.corrected(*_at(near, first_order))
    mse, error = first_order[0].copy(), first_order[1].copy()
    mse[near], error[near] = corrected.mean, corrected.error
    if not near.all():
        last = np.flatnonzero(near)[-1]
        off = abs(mse[last] - first_order[0][last]) + error[last]
        share = off / mse[last] if off > 0 else 0.0
        error[~near] = np.hypot(error[~near], share * mse[~near])
    effective = np.full(len(mse), corrected.effective[-1])
    effective[near] = corrected.effective
    return MeanOverTrials(mse, error, effective)


def _mean_of_parts(parts: Sequence[AgentMoments], team: Team) -> AgentMoments:
    """Means over agents; the errors are those of the mean, times √N."""
    sampled = any(team.allgather([any(part.paths for part in parts)]))

    def mean_of(arrays: Sequence[Floats], *, zero: bool) -> Floats:
        if zero:
            return np.zeros_like(arrays[0])
        return team.mean(np.stack([a.ravel() for a in arrays])).reshape(arrays[0].shape)

    # One array after the other, as those of many agents are large, and none where all are 0.
    mean = [
        mean_of(arrays, zero=not sampled and k in AgentMoments.ZERO_UNLESS_SAMPLED)
        for k, arrays in enumerate(zip(*(part.arrays for part in parts), strict=True))
    ]
    theta, average = (
        Functional(mean[k], mean[k + 1], np.sqrt(mean[k + 2]), mean[k + 3]) for k in (0, 4)
    )
    return AgentMoments(0, theta, average, mean[8], mean[9], np.sqrt(mean[10]))


def mse_of_mean(mean: Functional, start: Floats, N: int) -> tuple[Floats, Floats]:
    """E‖·‖² of the mean over agents, and its standard error, by step."""
    total, excess = start + mean.mean, mean.excess / N
    squares = (total**2 - excess).sum(axis=1)
    # By how much the mean is off in each coordinate, those taken for independent.
    of_squares = 2 * np.sqrt((total**2 * excess).sum(axis=1))
    error = np.hypot(mean.error / np.sqrt(N) / N, of_squares)
    return mean.variance / N + np.maximum(0, squares), error


class KnownPredictions:
    """Predictions by what they depend on: not on the names of groups, nor on the trials."""

    def __init__(self) -> None:
        self._known: dict[bytes, Prediction] = {}
        self._forecasts = Forecasts()

    def __call__(self, problem: Problem, team: Team, steps: NDArray[np.int64]) -> Prediction:
        """See ``predict``; collective where ``team`` is."""
        key = inputs_of_law(problem) + steps.tobytes()
        if key not in self._known:
            self._known[key] = predict(problem, team, steps, forecasts=self._forecasts)
        return self._known[key]
