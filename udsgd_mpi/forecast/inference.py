"""What a run says of θ*, by plug-in: the covariance of its error from its own estimate.

Nothing is repeated. The Hessian H and each agent's noise are taken at the estimate instead of θ*,
and the error is that of n steps, not of the limit: of the linear recursion where noise is white by
then, and along sampled paths of the agent's own sampler where it is not. So γ⋆, a, the offset, the
momentum and the steps taken are all in it. Taken off is the bias that θ_0, X_0 and the agents'
disagreement leave at n, by the run without noise and the means of paths, and under a constant step
that of curvature and of samplers' memory. What else is beyond the first order is left out.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.forecast.agent import AgentForecast, from_the_start
from udsgd_mpi.forecast.mean_path import MOST_WORK, mean_path, work
from udsgd_mpi.forecast.stale_reads import require_new_reads
from udsgd_mpi.forecast.stationary import Stationary, stationary
from udsgd_mpi.methods.corrected import Corrected
from udsgd_mpi.problem import Agent, Problem, Team
from udsgd_mpi.problem.mean_objective import MeanObjective
from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.theory.limit import check_step_size
from udsgd_mpi.theory.responses import gain_of_white

Floats = NDArray[np.float64]

_MATRICES, _MOST_ENTRIES = 3, 2**28  # of all agents in one process; 2 GB


@dataclass(frozen=True)
class Inference:
    """An estimate of θ* and the covariances of its errors.

    Attributes
    ----------
    estimate
        The network average less its bias, shape (d,).
    of_run
        Covariance of the estimate about θ* of these data, shape (d, d).
    of_data
        Covariance of θ* of these data about that of the population which they are drawn from, were
        rows drawn independently: H⁻¹ Σ H⁻¹ / points; shape (d, d).
    bias
        Shape (d,).
    by_paths
        The agents whose noise was followed along sampled paths.
    cancelling
        Those among them whose noise cancels over each pass over their points. What is beyond the
        first order may then be as large as ``of_run``.
    uncertainty
        Standard error of the diagonal of ``of_run`` since paths were sampled, shape (d,).
    """

    estimate: Floats
    of_run: Floats
    of_data: Floats
    bias: Floats
    by_paths: list[int]
    cancelling: list[int]
    uncertainty: Floats

    def seen_by(self, A: Floats) -> "Inference":
        """The same of A θ, shape (k, d); its ``uncertainty`` is that of the worst θ in each."""
        of_run = A @ self.of_run @ A.T
        variance = np.diag(self.of_run)
        relative = self.uncertainty / np.where(variance > 0, variance, 1)
        worst = [(relative * (row != 0)).max() for row in A]
        return Inference(
            A @ self.estimate,
            of_run,
            A @ self.of_data @ A.T,
            A @ self.bias,
            self.by_paths,
            self.cancelling,
            np.diag(of_run) * worst,
        )


class _Share(NamedTuple):
    """What an agent adds to covariances, times N², and to the mean, times N.

    ``mean`` is what paths that do not begin in their stationary law leave.
    """

    of_run: Floats
    uncertainty: Floats
    mean: Floats
    of_data: Floats
    by_paths: bool = False
    cancels: bool = False


def infer(problem: Problem, team: Team, theta: Floats, *, averaged: bool) -> Inference:
    """What a run says of θ*; collective where ``team`` is.

    Each agent computes its own share where its data are; only gradients and matrices of the size
    of the Hessian leave it.

    Parameters
    ----------
    theta
        The estimate: the network average at the last step, shape (d,).
    averaged
        Whether it is the Polyak–Ruppert average.

    Raises
    ------
    ConfigurationError
        If no theorem covers the run; it says why.
    """
    here = _at(problem, team, theta)
    h, basis = spectrum = team.bcast(lambda: np.linalg.eigh(here.hessian))
    last = np.array([problem.experiment.steps])
    forecast = AgentForecast(here, spectrum, last, check_in=team.check_in)
    law = _stationary(here, team, forecast, float(h[0]))
    gain = _Gain(forecast, h, averaged=averaged)
    agents = dict(zip(team.hosted, here.agents, strict=True))
    shares = team.map(lambda i: _share(forecast, agents[i], i, gain))
    N, inverse = team.agents, (basis / h) @ basis.T

    def mean(rows: list[Floats]) -> Floats:
        return team.mean(np.stack([each.ravel() for each in rows])).reshape(rows[0].shape)

    of_run = mean([each.of_run for each in shares]) / N
    uncertainty = np.sqrt(mean([each.uncertainty for each in shares]) / N) / N
    of_data = inverse @ mean([each.of_data for each in shares]) @ inverse / N
    bias = _bias(here, team, forecast, averaged=averaged) + mean([each.mean for each in shares])
    if law is not None:
        bias = bias + law.curvature + law.correlation
    kinds = team.allgather([(each.by_paths, each.cancels) for each in shares])
    by_paths = [i for i, (is_by_paths, _) in enumerate(kinds) if is_by_paths]
    if law is not None and not averaged:  # it knows how noise depends on θ
        of_run, uncertainty, by_paths = law.covariance, np.zeros(problem.d), []
    return Inference(
        theta - bias,
        (of_run + of_run.T) / 2,
        (of_data + of_data.T) / 2,
        bias,
        by_paths,
        [i for i, (_, cancels) in enumerate(kinds) if cancels],
        uncertainty,
    )


def _at(problem: Problem, team: Team, theta: Floats) -> Problem:
    """The problem as if the estimate were θ*.

    Raises
    ------
    ConfigurationError
        If theory says nothing of the method or the objective.
    """
    if problem.no_theorem:
        raise ConfigurationError(
            f"infer: expected a run with a limit theorem, got none: {problem.no_theorem}; use udsgd"
            " report, which shows what was measured"
        )
    require_new_reads(problem, "infer")
    if problem.schedule.pauses:
        raise ConfigurationError(
            "infer: expected agents that take every step, got some that do not, of whose runs no"
            " intervals are known; use udsgd report, which shows what was measured"
        )
    optimum, N, d = problem.optimum, team.agents, problem.d
    if optimum is None or optimum.hessian is None or _MATRICES * N * d**2 > _MOST_ENTRIES:
        raise ConfigurationError(
            f"infer: expected matrices of d × d for each agent that fit into memory, got d = {d:,}"
            f" and {N:,} agents; use fewer features"
        )
    parts = [agent.expectation for agent in problem.agents]
    _, hessian = MeanObjective(problem.objective, parts, team, d).derivatives(theta)
    return replace(problem, optimum=optimum._replace(theta=theta, hessian=hessian))


def _stationary(
    problem: Problem, team: Team, forecast: AgentForecast, smallest: float
) -> Stationary | None:
    """The stationary law of a constant step; None of one that falls.

    Raises
    ------
    ConfigurationError
        If there is neither such a law nor a limit theorem.
    """
    law = stationary(problem, team)
    if isinstance(law, str):
        raise ConfigurationError(f"infer: no interval is known for this constant step: {law}")
    if law is None:
        check_step_size(smallest, forecast.in_the_limit)
    return law


def _bias(problem: Problem, team: Team, forecast: AgentForecast, *, averaged: bool) -> Floats:
    """What the start and disagreement leave in the average, in expectation; shape (d,)."""
    experiment, N, d = problem.experiment, team.agents, problem.d
    _, basis = forecast.spectrum
    if isinstance(experiment.method, Corrected) or work(N, d, experiment.steps) > MOST_WORK:
        return np.asarray(
            basis @ from_the_start(problem, team, forecast.spectrum, forecast.steps)[averaged][0]
        )
    objective, theta = problem.objective, problem.minimizer
    parts = [agent.expectation for agent in problem.agents]
    slopes = team.gather([objective.gradient(theta, part) for part in parts])
    hessians = team.gather([objective.hessian(theta, part) for part in parts])

    def path() -> Floats:
        gradients, curvatures = np.stack(slopes), np.stack(hessians)
        found = mean_path(
            gradients,
            curvatures,
            problem.initial(range(1))[0] - theta,
            problem.schedule,
            experiment.step_size,
            experiment.steps,
            experiment.method.momentum or 0.0,
            team.check_in,
        )
        newton = np.linalg.solve(curvatures.mean(axis=0), gradients.mean(axis=0))
        return np.asarray(found[averaged] + newton)

    return team.bcast(path)


class _Gain:
    """What white noise comes to, computed where it is first asked for.

    Parameters
    ----------
    h
        Eigenvalues of H, shape (d,).
    """

    def __init__(self, forecast: AgentForecast, h: Floats, *, averaged: bool) -> None:
        self.averaged = averaged
        self._forecast, self._h = forecast, h

    @cached_property
    def matrix(self) -> Floats:
        """See ``theory.responses.gain_of_white``."""
        experiment, last = self._forecast.problem.experiment, int(self._forecast.steps[-1])
        momentum = experiment.method.momentum or 0.0
        return gain_of_white(self._h, experiment.step_size, last, momentum, averaged=self.averaged)


def _share(forecast: AgentForecast, agent: Agent, i: int, gain: _Gain) -> _Share:
    """What agent i adds."""
    problem, (_, basis) = forecast.problem, forecast.spectrum
    objective, theta = problem.objective, problem.minimizer
    of_data = agent.scatter_of_gradients(objective, theta)
    G = agent.gradient_noise(objective, theta)
    noise = agent.sampler.noise_up_to(int(forecast.steps[-1]), G, agent.graph)
    if noise is None or noise.b is not None or forecast.is_sampled(agent, noise):
        paths = forecast.usual_paths(agent)
        values = forecast.last_values(agent, i, range(paths), averaged=gain.averaged) @ basis.T
        mean = values.mean(axis=0)
        values -= mean
        uncertainty = (values**2).var(axis=0, ddof=1) / paths
        cancels = noise is not None and not noise.amplitudes.any()
        of_run = values.T @ values / (paths - 1)
        return _Share(of_run, uncertainty, mean, of_data, by_paths=True, cancels=cancels)
    modes = noise.turned(basis).amplitudes
    of_run = basis @ (modes.T @ modes * gain.matrix) @ basis.T
    zeros = np.zeros(len(theta))
    return _Share(of_run, zeros, zeros, of_data)
