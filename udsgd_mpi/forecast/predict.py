"""The mean square error that theory expects of a problem, agent by agent.

θ_n − θ* is to first order (1/N) Σ_i of what each agent's own noise makes of it, whatever the
agents' W_n are: every agent contributes its own variance, and these add up.
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
from udsgd_mpi.forecast.curvature import curvature
from udsgd_mpi.forecast.forecasts import Forecasts
from udsgd_mpi.forecast.paths import Functional
from udsgd_mpi.problem import Problem, Team, inputs_of_noise

Floats = NDArray[np.float64]

_FEWEST_PATHS = 20  # for the difference that curvature makes


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
        Standard error of ``mse`` by the sampled paths, shape (steps,); 0 where none were.
    averaged_mse, averaged_error
        The same of the Polyak–Ruppert average.
    linear_mse
        ``mse`` by the linear recursion of all agents, shape (steps,).
    of_curvature
        What the curvature of f adds to ``mse``, shape (steps,); 0 where no paths were sampled.
    contributions
        What each agent adds to ``mse`` at the last step, shape (agents,).
    limiting_covariance
        V, shape (d, d); NaN where no limit theorem holds.
    trace_error
        Standard error of Tr V; 0 unless V of some agents is estimated from paths.
    agent_traces
        What each agent adds to Tr V, Tr V_i / N², shape (agents,).
    methods
        ``"linear"`` or ``"paths"`` for each agent; ``"paths alone"`` where no theory is known.
    """

    step: NDArray[np.int64]
    mse: Floats
    error: Floats
    averaged_mse: Floats
    averaged_error: Floats
    linear_mse: Floats
    of_curvature: Floats
    contributions: Floats
    limiting_covariance: Floats
    trace_error: float
    agent_traces: Floats
    methods: list[str]

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
        noise for white. ``"paths"``: the linear functional of sampled paths, and what curvature
        adds to it. ``"auto"``: paths for samplers that remember, or mix too slowly to be white by
        the last step, and curvature where noise may cancel itself.
    trials
        Number of paths of each agent; by default 2,000 of all agents together, at least 40 of each,
        four times as many of walks without a long memory, and where that leaves a standard error
        of more than 3 %, up to 16 times as many of the agents that it is due to.
    forecasts
        Knows what was forecast of agents of other problems.
    """
    N = team.agents
    # Eigenvectors by different processors may differ in sign.
    spectrum = team.bcast(lambda: np.linalg.eigh(problem.hessian))
    forecast = AgentForecast(problem, spectrum, steps, trials, team.check_in)
    forecasts = forecasts or Forecasts()
    parts = forecasts(forecast, problem, team, method, adapt=trials is None)
    mean = _mean_of_parts(parts, team)
    start = from_the_start(problem, spectrum, steps)
    first_order = mse_of_mean(mean.theta, start[0], N)
    of_theta, of_average = first_order, mse_of_mean(mean.average, start[1], N)
    paths = None
    if method == "paths" or (method == "auto" and _noise_cancels(problem)):
        # What curvature adds varies less between trials than the first order itself.
        trials = trials_of_curvature(forecast.trials)
        paths = curvature(problem, team, spectrum, steps, forecast.seed, trials)
    if paths:
        of_theta, of_average = paths[0].correct(*of_theta), paths[1].correct(*of_average)
    return Prediction(
        step=steps,
        mse=of_theta[0],
        error=of_theta[1],
        averaged_mse=of_average[0],
        averaged_error=of_average[1],
        linear_mse=mean.linear / N + (start[0] ** 2).sum(axis=1),
        of_curvature=of_theta[0] - first_order[0],
        contributions=np.array(team.allgather([part.theta.variance[-1] / N**2 for part in parts])),
        limiting_covariance=mean.V / N,
        trace_error=float(mean.trace_error) / np.sqrt(N) / N,
        agent_traces=np.array(team.allgather([np.trace(part.V) / N**2 for part in parts])),
        methods=team.allgather([part.method for part in parts]),
    )


def trials_of_curvature(paths: int) -> int:
    """In how many trials the update is followed, given the number of paths of an agent."""
    return max(_FEWEST_PATHS, paths // 2)


def _noise_cancels(problem: Problem) -> bool:
    """Whether some agent's sampler remembers its path, so that the first order may be small."""
    groups = problem.experiment.groups
    return any(groups[entry.group].sampler.long_memory for entry in problem.summaries)


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
    """Predictions by what they depend on: neither on W nor on the names of groups."""

    def __init__(self) -> None:
        self._known: dict[bytes, Prediction] = {}
        self._forecasts = Forecasts()

    def __call__(self, problem: Problem, team: Team, steps: NDArray[np.int64]) -> Prediction:
        """See ``predict``; collective where ``team`` is."""
        key = inputs_of_noise(problem) + steps.tobytes()
        if key not in self._known:
            self._known[key] = predict(problem, team, steps, forecasts=self._forecasts)
        return self._known[key]
