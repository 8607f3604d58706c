"""What theory expects of one agent alone."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.forecast.paths import Functional, See, along_paths, functionals
from udsgd_mpi.forecast.presence import (
    in_steps_of_all,
    pace_of,
    pulls_of,
    share_of,
    slope_of,
    steps_taken,
)
from udsgd_mpi.forecast.spectral import LongRunCovariance
from udsgd_mpi.forecast.stale_reads import draws_independently, knows_limit, noise_at_minimizer
from udsgd_mpi.kernels.random_numbers import Purpose, generator
from udsgd_mpi.problem import Agent, Problem, Team, start_paths
from udsgd_mpi.samplers import SamplePath, Stream, Streams
from udsgd_mpi.theory.limit import check_step_size, has_limit, limiting_covariance
from udsgd_mpi.theory.noise import Noise
from udsgd_mpi.theory.presence import on_own_clock
from udsgd_mpi.theory.pulls import left_of_pulls
from udsgd_mpi.theory.second_moments import Pace, SecondMoments
from udsgd_mpi.theory.start import left_of_start
from udsgd_mpi.theory.step_size import Polynomial, StepSize

Floats = NDArray[np.float64]
Spectrum = tuple[Floats, Floats]
Approach = Literal["auto", "linear", "paths"]

# Noise is white enough for the linear recursion if θ remembers this many lags.
_LAGS = 200

# Rare visits far away make the variance of a slow walk hard to estimate; its paths are cheap.
_PATHS, _FEWEST_PATHS, _PATHS_OF_A_WALK = 2000, 40, 4

PATHS_ALONE = "paths alone"

_FEW_STEPS = 10**8  # along paths of all agents

# Far too large step sizes end in infinity, here as in a run.
overflowing = np.errstate(over="ignore", invalid="ignore")


@dataclass(frozen=True)
class AgentMoments:
    """What theory expects of one agent alone: moments of its functional, and V_i.

    Attributes
    ----------
    paths
        Number of paths behind the moments; 0 where they are of the linear recursion.
    linear
        E‖·‖² by the linear recursion, shape (steps,); NaN where no theory is known.
    trace_error
        Standard error of Tr V_i, shape (); 0 where theory tells V_i, which is otherwise estimated
        from the paths.
    """

    ZERO_UNLESS_SAMPLED: ClassVar = {0, 2, 3, 4, 6, 7, 10}  # of the arrays

    paths: int
    theta: Functional
    average: Functional
    linear: Floats
    V: Floats
    trace_error: Floats = field(default_factory=lambda: np.zeros(()))

    @property
    def method(self) -> str:
        """How they were found: see ``Prediction.methods``."""
        if not self.paths:
            return "linear"
        return PATHS_ALONE if np.isnan(self.linear).all() else "paths"

    @property
    def arrays(self) -> list[Floats]:
        """All of it, with standard errors squared, as a mean over agents needs them."""
        functionals = [
            [each.mean, each.variance, each.error**2, each.excess]
            for each in (self.theta, self.average)
        ]
        return [*functionals[0], *functionals[1], self.linear, self.V, self.trace_error**2]


class AgentForecast:
    """Forecasts for agents of a problem: what they share is computed once.

    Parameters
    ----------
    spectrum
        Eigenvalues, shape (d,), and eigenvectors, the columns of (d, d), of H.
    check_in
        Is called repeatedly, as a forecast of many steps takes long.

    Attributes
    ----------
    seed
        Of the paths.
    trials
        Number of paths of an agent whose sampler remembers.
    averaged
        Whether the average is forecast along paths, too; NaN otherwise.
    """

    def __init__(
        self,
        problem: Problem,
        spectrum: Spectrum,
        steps: NDArray[np.int64],
        trials: int | None = None,
        check_in: Callable[[], None] = lambda: None,
    ) -> None:
        self.problem = problem
        self._check_in = check_in
        self.steps = steps
        self.averaged = problem.experiment.record.polyak
        self.trials = trials or paths_of_each(len(problem.summaries))
        self._of_a_walk = 1 if trials else _PATHS_OF_A_WALK
        self.spectrum = spectrum
        seed = generator(problem.experiment.seed, Purpose.PREDICTION).integers(2**63)
        self.seed = int(seed)
        self._table = cache(self._integrate)
        method, step_size = problem.experiment.method, problem.experiment.step_size
        self.in_the_limit = method.in_the_limit(step_size)
        self._momentum = method.momentum or 0.0

    @overflowing
    def __call__(
        self, agent: Agent, i: int, method: Approach = "auto", paths: int | None = None
    ) -> AgentMoments:
        """Forecast of agent i.

        Parameters
        ----------
        paths
            How many, where they are sampled.
        """
        G = noise_at_minimizer(self.problem, agent, i)
        taken = steps_taken(self.problem, i, int(self.steps[-1]))
        noise = agent.sampler.noise_up_to(taken, G, agent.graph)
        if noise is None:
            return self._by_paths_alone(agent, i, G, paths or self.usual_paths(agent))
        noise = in_steps_of_all(self.problem, agent, i, noise)
        by_paths = method == "paths" or (method == "auto" and self.is_sampled(agent, noise))
        h, basis = self.spectrum
        turned = noise.turned(basis)
        largest = 2.0 ** np.ceil(np.log2(turned.repulsion.max(initial=1)))
        # The amplitudes have the mean square of the factors already.
        pace = pace_of(self.problem, i, share_of(self.problem, i) ** -0.5)
        table = self._integrate(noise.b, largest, pace) if pace else self._table(noise.b, largest)
        counts = table.weights(turned.repulsion).T @ turned.amplitudes**2
        linear = np.einsum("ka,nka->n", counts, table.theta)
        paths = by_paths * (paths or self.usual_paths(agent))
        if paths:
            theta, average = self._functionals(agent, i, G, paths)
        else:
            averaged = np.einsum("ka,nka->n", counts, table.average)
            theta = Functional.exactly(linear, len(h))
            average = Functional.exactly(averaged, len(h))
        V = self._limit(noise, i)
        if not knows_limit(self.problem, independent=draws_independently(agent)):
            linear, V = np.full_like(linear, np.nan), np.full_like(V, np.nan)
        return AgentMoments(paths, theta, average, linear, V)

    def _by_paths_alone(self, agent: Agent, i: int, G: Floats, paths: int) -> AgentMoments:
        """Forecast of an agent with a sampler of which no theory is known."""
        _, basis = self.spectrum
        taken = steps_taken(self.problem, i, int(self.steps[-1]))
        estimate = LongRunCovariance(np.ascontiguousarray(G @ basis), paths, taken)
        theta, average = self._functionals(agent, i, G, paths, estimate)
        linear = np.full(len(self.steps), np.nan)

        # V is linear in U, so that Tr V is the sum of U's diagonal weighted by V for U = I.
        def limit(U: Floats) -> Floats:
            white = in_steps_of_all(self.problem, agent, i, Noise.white(U))
            return self._limit(white, i)

        weights = np.diag(basis.T @ limit(np.eye(len(basis))) @ basis)
        U, error = estimate.estimate(weights)
        if not knows_limit(self.problem, independent=False):
            U = np.full_like(U, np.nan)
        V = limit(basis @ U @ basis.T) if np.isfinite(U).all() else U
        return AgentMoments(paths, theta, average, linear, V, np.array(error))

    def last_values(self, agent: Agent, i: int, trials: range, *, averaged: bool = False) -> Floats:
        """What some of agent i's paths make of θ at the last step, shape (trials, d).

        In the eigenbasis of H. A path depends on its trial, not on which others are asked for.

        Parameters
        ----------
        averaged
            Whether the Polyak–Ruppert average is asked for instead.
        """
        G = noise_at_minimizer(self.problem, agent, i)
        last = self.steps[-1:]
        *_, (theta, average) = self._along_paths(agent, i, G, trials, last, averaged=averaged)
        return average if averaged else theta

    def _functionals(
        self, agent: Agent, i: int, G: Floats, paths: int, see: See = lambda _: None
    ) -> tuple[Functional, Functional]:
        trials, averaged = range(paths), self.averaged
        values = self._along_paths(agent, i, G, trials, self.steps, see, averaged=averaged)
        return functionals(values, len(self.spectrum[0]))

    def _along_paths(
        self,
        agent: Agent,
        i: int,
        G: Floats,
        trials: range,
        steps: NDArray[np.int64],
        see: See = lambda _: None,
        *,
        averaged: bool,
    ) -> Iterator[tuple[Floats, Floats]]:
        h, basis = self.spectrum
        if self.problem.schedule.pauses:
            streams = Streams(self.seed, np.array([i]), len(trials), trials.start)
            path = SamplePath(start_paths([agent], streams, self.problem.schedule))
        else:
            stream = Stream(self.seed, i, len(trials), trials.start)
            path = agent.sampler.start(agent.batches, agent.graph, stream)
        return along_paths(
            path,
            len(trials),
            np.ascontiguousarray(G @ basis),
            h,
            self.problem.experiment.step_size,
            steps,
            self._check_in,
            self._momentum,
            see,
            pace_of(self.problem, i, agent.pace),
            averaged=averaged,
        )

    def _limit(self, noise: Noise, i: int) -> Floats:
        """V, NaN where no limit theorem holds."""
        H = self.problem.hessian
        smallest = float(self.spectrum[0][0])
        if not has_limit(smallest, self.in_the_limit):
            return np.full_like(H, np.nan)
        step_size = check_step_size(smallest, self.in_the_limit)
        own = on_own_clock(step_size, share_of(self.problem, i))
        V = limiting_covariance(noise, H, own)
        gamma = self.problem.experiment.step_size.gamma
        return np.asarray(V * (self.in_the_limit.gamma / gamma))  # of Cov / γ_n

    def is_sampled(self, agent: Agent, noise: Noise) -> bool:
        """Whether paths tell more of an agent than the linear recursion does.

        No walk's noise is white in the first steps, which θ remembers for long where γμ is small;
        where it is white in the end, its paths are sampled if that takes a second.
        """
        last, N = int(self.steps[-1]), len(self.problem.summaries)
        quickly = self.usual_paths(agent) * N * last <= _FEW_STEPS
        coloured = noise.lag != 0 and quickly
        return coloured or remembers(agent, noise, self.in_the_limit, last)

    def usual_paths(self, agent: Agent) -> int:
        """How many are sampled of an agent by default, if any are."""
        return self.trials * (1 if agent.sampler.long_memory else self._of_a_walk)

    def _integrate(
        self, b: float | None, largest: float, pace: Pace | None = None
    ) -> SecondMoments:
        step_size = self.problem.experiment.step_size
        h, _ = self.spectrum
        others = self.steps, self._check_in, self._momentum, pace
        if b is None:
            return SecondMoments.white(h, step_size, *others)
        return SecondMoments.with_history(h, step_size, b, largest, *others)


def paths_of_each(agents: int) -> int:
    """How many paths are sampled of an agent whose sampler remembers."""
    return max(_FEWEST_PATHS, _PATHS // agents)


def paths_of_each_walk(agents: int) -> int:
    """How many are sampled of a walk without a long memory, where it is slow."""
    return _PATHS_OF_A_WALK * paths_of_each(agents)


def remembers(agent: Agent, noise: Noise, step_size: StepSize, last: int) -> bool:
    """Whether an agent's noise is not white, as θ sees it at the last step."""
    # Not long before it, a step size that may fall fast was as large as at first.
    n = max(1, last) if isinstance(step_size, Polynomial) else 1
    gamma = float(step_size(n, n)[0])
    return agent.sampler.long_memory or abs(noise.lag) * _LAGS * gamma > 1


def from_the_start(
    problem: Problem, team: Team, spectrum: Spectrum, steps: NDArray[np.int64]
) -> tuple[Floats, Floats]:
    """Φ(n, 0) (θ_0 − θ*) and its average over n, in the eigenbasis of H, shape (steps, d).

    With what mean gradients of agents leave while others are away. Collective where ``team`` is.
    """
    h, basis = spectrum
    experiment = problem.experiment
    start = problem.initial(range(1))[0] - problem.minimizer
    momentum = experiment.method.momentum or 0.0
    left = left_of_start(basis.T @ start, h, experiment.step_size, steps, momentum)
    if not problem.schedule.pauses:
        return left
    agents = problem.agents
    slopes = team.gather([agent.pace * slope_of(problem, agent) @ basis for agent in agents])

    def pulled() -> tuple[Floats, Floats]:
        pulls = pulls_of(problem, slopes)
        return left_of_pulls(pulls, h, experiment.step_size, steps, momentum)

    of_theta, of_average = team.bcast(pulled)
    return left[0] + of_theta, left[1] + of_average
