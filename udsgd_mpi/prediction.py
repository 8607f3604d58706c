"""The mean square error that theory expects of a problem, agent by agent.

θ_n − θ* is to first order (1/N) Σ_i of what each agent's own noise makes of it, whatever the
agents' W_n are: every agent contributes its own variance, and these add up.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.errors import ConfigurationError
from udsgd_mpi.problem import Agent, Everyone, Problem
from udsgd_mpi.samplers import Stream
from udsgd_mpi.seeding import Purpose, generator
from udsgd_mpi.step_size import StepSize
from udsgd_mpi.theory.limit import check_step_size, limiting_covariance
from udsgd_mpi.theory.noise import Noise
from udsgd_mpi.theory.paths import Functional, along_paths
from udsgd_mpi.theory.second_moments import SecondMoments

Floats = NDArray[np.float64]
Method = Literal["auto", "linear", "paths"]

_PATHS, _FEWEST_PATHS = 2000, 40

# Noise is white enough for the linear recursion if so many correlation times pass.
_CORRELATION_TIMES = 200


# Step sizes that are far too large end in infinity, here as in the run.
_OVERFLOWING = np.errstate(over="ignore", invalid="ignore")


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
    contributions
        What each agent adds to ``mse`` at the last step, shape (agents,).
    limiting_covariance
        V, shape (d, d); NaN where no limit theorem holds.
    agent_traces
        What each agent adds to Tr V, Tr V_i / N², shape (agents,).
    methods
        ``"linear"`` or ``"paths"`` for each agent.
    """

    step: NDArray[np.int64]
    mse: Floats
    error: Floats
    averaged_mse: Floats
    averaged_error: Floats
    linear_mse: Floats
    contributions: Floats
    limiting_covariance: Floats
    agent_traces: Floats
    methods: list[str]

    @property
    def disagree(self) -> bool:
        """Whether at the last step the two ways differ by 5 % and 4 standard errors."""
        difference = abs(self.linear_mse[-1] - self.mse[-1])
        return bool(difference > max(0.05 * self.mse[-1], 4 * self.error[-1]))


@_OVERFLOWING
def predict(
    problem: Problem,
    everyone: Everyone,
    steps: NDArray[np.int64],
    *,
    method: Method = "auto",
    trials: int | None = None,
    threads: int = 1,
) -> Prediction:
    """Predict the error of a problem at some steps; collective where ``everyone`` is.

    Parameters
    ----------
    method
        ``"linear"``: the linear recursion of θ and the visit histories, which takes the samplers'
        noise for white. ``"paths"``: the linear functional of sampled paths. ``"auto"``: paths for
        samplers that remember, or mix too slowly to be white at the last step.
    trials
        Number of paths of each agent; by default enough for an error of about 2 %.
    threads
        Number of agents whose forecasts are made at once.
    """
    N = everyone.agents
    # Eigenvectors by different processors may differ in sign.
    spectrum = everyone.once(lambda: np.linalg.eigh(problem.hessian))
    forecast = AgentForecast(problem, spectrum, steps, trials or default_trials(N))
    hosted = dict(zip(everyone.hosted, problem.agents, strict=True))
    parts = list(forecast.each(hosted, method, threads).values())
    mean = _mean_of_parts(parts, everyone)
    start = forecast.from_the_start()
    of_theta, of_average = (
        combine(functional, first, N)
        for functional, first in zip((mean.theta, mean.average), start, strict=True)
    )
    return Prediction(
        step=steps,
        mse=of_theta[0],
        error=of_theta[1],
        averaged_mse=of_average[0],
        averaged_error=of_average[1],
        linear_mse=mean.linear / N + (start[0] ** 2).sum(axis=1),
        contributions=np.array(everyone.all([part.theta.variance[-1] / N**2 for part in parts])),
        limiting_covariance=mean.V / N,
        agent_traces=np.array(everyone.all([np.trace(part.V) / N**2 for part in parts])),
        methods=everyone.all([part.method for part in parts]),
    )


def default_trials(agents: int) -> int:
    """Number of paths of each agent that keeps the error of the sum over agents small."""
    return max(_FEWEST_PATHS, _PATHS // agents)


@dataclass(frozen=True)
class Part:
    """What theory expects of one agent alone: moments of its functional, and V_i."""

    method: str
    theta: Functional
    average: Functional
    linear: Floats
    V: Floats


class AgentForecast:
    """Forecasts for agents of a problem: what they share is computed once.

    Parameters
    ----------
    spectrum
        Eigenvalues, shape (d,), and eigenvectors, the columns of (d, d), of H.
    """

    def __init__(
        self,
        problem: Problem,
        spectrum: tuple[Floats, Floats],
        steps: NDArray[np.int64],
        trials: int,
    ) -> None:
        self.problem = problem
        self.steps = steps
        self.trials = trials
        self.h, self.basis = spectrum
        seed = generator(problem.experiment.seed, Purpose.PREDICTION).integers(2**63)
        self._seed = int(seed)
        self._table = cache(self._integrate)

    @_OVERFLOWING
    def __call__(self, agent: Agent, i: int, method: Method = "auto") -> Part:
        """Forecast of agent i."""
        experiment = self.problem.experiment
        G = agent.gradient_noise(experiment.objective, self.problem.minimizer)
        noise = agent.sampler.noise(G, agent.graph)
        by_paths = method == "paths" or (method == "auto" and self._remembers(agent, noise, G))
        turned = noise.turned(self.basis)
        largest = 2.0 ** np.ceil(np.log2(turned.repulsion.max(initial=1)))
        table = self._table(noise.b, largest)
        counts = table.weights(turned.repulsion).T @ turned.amplitudes**2
        linear = np.einsum("ka,nka->n", counts, table.theta)
        if by_paths:
            stream = Stream(self._seed, i, self.trials)
            path = agent.sampler.start(agent.batches, agent.graph, stream)
            theta, average = along_paths(
                path,
                self.trials,
                np.ascontiguousarray(G @ self.basis),
                self.h,
                experiment.step_size,
                self.steps,
            )
        else:
            averaged = np.einsum("ka,nka->n", counts, table.average)
            theta = Functional.exactly(linear, len(self.h))
            average = Functional.exactly(averaged, len(self.h))
        V = np.full_like(self.problem.hessian, np.nan)
        if has_limit(self.problem.hessian, experiment.step_size):
            V = limiting_covariance(noise, self.problem.hessian, experiment.step_size)
        return Part("paths" if by_paths else "linear", theta, average, linear, V)

    def each(self, agents: dict[int, Agent], method: Method, threads: int) -> dict[int, Part]:
        """Forecasts of several agents at once."""
        with ThreadPoolExecutor(threads) as pool:
            parts = pool.map(lambda i: self(agents[i], i, method), agents)
            return dict(zip(agents, parts, strict=True))

    def from_the_start(self) -> tuple[Floats, Floats]:
        """Φ(n, 0) (θ_0 − θ*) and its average over n, in the eigenbasis of H, shape (steps, d)."""
        steps = self.steps
        gamma = self.problem.experiment.step_size(1, max(1, int(steps[-1])))
        shrink = np.cumprod(1 - gamma[:, None] * self.h, axis=0)
        start = -(self.basis.T @ self.problem.minimizer)
        theta = np.vstack([np.ones_like(self.h), shrink]) * start
        sums = np.vstack([np.zeros_like(self.h), np.cumsum(theta, axis=0)])
        return theta[steps], sums[steps] / np.maximum(steps, 1)[:, None]

    def _remembers(self, agent: Agent, noise: Noise, G: Floats) -> bool:
        if agent.sampler.long_memory or not agent.sampler.on_graph:
            return agent.sampler.long_memory
        variance = agent.stationary_law @ (G**2).sum(axis=1)
        correlation_time = (noise.amplitudes**2).sum() / variance if variance > 0 else 0.0
        return bool(correlation_time * _CORRELATION_TIMES > self.steps[-1])

    def _integrate(self, b: float | None, largest: float) -> SecondMoments:
        step_size = self.problem.experiment.step_size
        if b is None:
            return SecondMoments.white(self.h, step_size, self.steps)
        return SecondMoments.with_history(self.h, step_size, b, largest, self.steps)


def has_limit(H: Floats, step_size: StepSize) -> bool:
    """Whether the limit theorem holds for a step size."""
    try:
        check_step_size(H, step_size)
    except ConfigurationError:
        return False
    return True


def _mean_of_parts(parts: Sequence[Part], everyone: Everyone) -> Part:
    """Means over agents; the errors are those of the mean, times √N."""
    shapes = [array.shape for array in _arrays(parts[0])]
    rows = np.stack([np.concatenate([a.ravel() for a in _arrays(part)]) for part in parts])
    ends = np.cumsum([int(np.prod(shape)) for shape in shapes])[:-1]
    means = np.split(everyone.mean(rows), ends)
    mean = [values.reshape(shape) for values, shape in zip(means, shapes, strict=True)]
    theta, average = (
        Functional(mean[k], mean[k + 1], np.sqrt(mean[k + 2]), mean[k + 3]) for k in (0, 4)
    )
    return Part("mean", theta, average, mean[8], mean[9])


def _arrays(part: Part) -> list[Floats]:
    functionals = [
        [each.mean, each.variance, each.error**2, each.excess]
        for each in (part.theta, part.average)
    ]
    return [*functionals[0], *functionals[1], part.linear, part.V]


def combine(mean: Functional, start: Floats, N: int) -> tuple[Floats, Floats]:
    """E‖·‖² of the mean over agents, and its standard error, by step."""
    squares = ((start + mean.mean) ** 2).sum(axis=1) - mean.excess / N
    return mean.variance / N + np.maximum(0, squares), mean.error / np.sqrt(N) / N
