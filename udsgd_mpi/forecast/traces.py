"""Tr V where H is too large to be held: by probes, and conjugate gradients.

Tr V_i = Tr U_i (2H − s I)⁻¹, see ``theory.limit.trace_factor``, and with random signs z that is the
expectation of zᵀ U_i (2H − s I)⁻¹ z (Hutchinson, Commun. Stat. Simul. Comput. 19, 1990). A probe
takes one solution y of (2H − s I) y = z for all agents and samplers, and of each agent its noise
along y and z.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.forecast.presence import in_steps_of_all, slope_of
from udsgd_mpi.forecast.replacements import Replacements
from udsgd_mpi.forecast.stale_reads import require_new_reads
from udsgd_mpi.kernels.random_numbers import Purpose, generator
from udsgd_mpi.problem import Agent, Problem, Team
from udsgd_mpi.problem.mean_objective import MeanObjective
from udsgd_mpi.samplers import Sampler
from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.theory.limit import check_step_size, long_run_covariance, trace_factor
from udsgd_mpi.theory.presence import of_presence

Floats = NDArray[np.float64]

_RESIDUAL = 1e-6  # relative; far below what probes leave open
_MOST_PRODUCTS = 20_000


class Estimate(NamedTuple):
    """A number, and its standard error by the probes."""

    value: float
    error: float

    @classmethod
    def of(cls, values: Floats) -> "Estimate":
        """The mean of values, one of each probe."""
        return cls(float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values))))


class Traces(NamedTuple):
    """What agents add to Tr V, Tr V_i / N².

    Attributes
    ----------
    values
        By each probe, shape (agents, probes).
    """

    values: Floats

    @property
    def total(self) -> Estimate:
        """Tr V."""
        return Estimate.of(self.values.sum(axis=0))

    @property
    def of_agents(self) -> list[Estimate]:
        """What each of them adds."""
        return [Estimate.of(row) for row in self.values]


def traces(problem: Problem, team: Team, probes: int) -> Traces:
    """What all agents add to Tr V; see ``TraceProbes``."""
    of = TraceProbes(problem, team, probes)
    return Traces(np.array([of(agent, i) for i, agent in enumerate(problem.agents)]))


class TraceProbes:
    """What agents add to Tr V, Tr V_i / N², by the same probes for all of them.

    Parameters
    ----------
    problem
        With all agents.
    probes
        How many, two at least.

    Raises
    ------
    ConfigurationError
        Where no limit theorem holds, or a solution was not found.
    """

    def __init__(self, problem: Problem, team: Team, probes: int) -> None:
        require_new_reads(problem, "--probes")
        experiment, d = problem.experiment, problem.d
        in_the_limit = experiment.method.in_the_limit(experiment.step_size)
        self._step_size = check_step_size(problem.smallest_curvature, in_the_limit)
        # Of Cov / γ_n, as of ``AgentMoments.V``.
        self._scale = in_the_limit.gamma / experiment.step_size.gamma / len(problem.summaries) ** 2
        self._problem = problem
        rng = generator(experiment.seed, Purpose.PREDICTION, d)
        signs = rng.choice([-1.0, 1.0], (probes, d))
        parts = [agent.expectation for agent in problem.agents]
        f = MeanObjective(problem.objective, parts, team, d)
        solutions = [self._solve(f, z) for z in signs]
        pairs = zip(signs, solutions, strict=True)
        self._directions = np.stack([each for pair in pairs for each in pair], axis=1)

    def __call__(self, agent: Agent, i: int) -> Floats:
        """What agent i adds, by each probe, shape (probes,).

        Raises
        ------
        ConfigurationError
            If its history is as slow as θ (b = a): V is then no function of U.
        """
        problem, step_size = self._problem, self._step_size
        G = agent.gradient_noise(problem.objective, problem.minimizer, self._directions)
        noise = agent.sampler.noise(G, agent.graph)
        if noise is None:
            raise ConfigurationError(
                f"{agent.sampler.name}: expected a sampler whose noise is known where the Hessian"
                " is too large to be held, got one that is known by its paths alone"
            )
        if noise.b == step_size.exponent:
            raise ConfigurationError(
                f"{agent.sampler.name}: expected b other than the exponent of the step size, got"
                f" {noise.b:g} for both, where Tr V takes the whole Hessian; use another b"
            )
        U = long_run_covariance(in_steps_of_all(problem, agent, i, noise), step_size)
        fluctuations = problem.schedule.fluctuations()
        if fluctuations is not None:
            slope = slope_of(problem, agent) @ self._directions
            presence = of_presence(slope, float(fluctuations[i]), agent.pace)
            U = U + long_run_covariance(presence, step_size)
        return np.asarray(self._scale * np.diag(U, 1)[::2])

    def _solve(self, f: MeanObjective, z: Floats) -> Floats:
        from scipy.sparse.linalg import LinearOperator, cg

        theta, s = self._problem.minimizer, trace_factor(self._step_size)
        twice = 2 * self._problem.share_of_steps
        A = LinearOperator(
            (f.d, f.d),
            lambda v: twice * f.product(theta, v.ravel()) - s * v.ravel(),
            dtype=np.float64,
        )
        y, failed = cg(A, z, rtol=_RESIDUAL, maxiter=_MOST_PRODUCTS)
        if failed:
            raise ConfigurationError(
                f"Tr V: (2H − s I) y = z, expected a solution in {_MOST_PRODUCTS:,} products with"
                " the Hessian, got none; raise objective.l2"
            )
        return np.asarray(y)


class TracePlan:
    """As ``Planner``, of Tr V alone.

    Attributes
    ----------
    problem, probes
        What is upgraded, and how many probes.
    candidates
        Agents that can be upgraded, the largest reduction of Tr V first.
    gains
        That reduction of each of them.
    """

    def __init__(
        self, problem: Problem, team: Team, upgrades: Mapping[str, Sampler], probes: int
    ) -> None:
        self.problem = problem
        self.probes = probes
        self._probes = TraceProbes(problem, team, probes)
        self._replacements = Replacements(problem)
        able = self._replacements.of_those_with(upgrades)
        self._now = {i: self._probes(agent, i) for i, agent in enumerate(problem.agents)}
        self._upgraded = self.replacing(able)
        self.gains = {i: Estimate.of(self._now[i] - self._upgraded[i]) for i in able}
        self.candidates = sorted(able, key=lambda i: -self.gains[i].value)

    def replacing(self, samplers: Mapping[int, Sampler]) -> dict[int, Floats]:
        """What some agents add with other samplers, by each probe."""
        return {i: self._probes(agent, i) for i, agent in self._replacements(samplers).items()}

    def trace(self, upgraded: list[int], by: Mapping[int, Floats] | None = None) -> Estimate:
        """Tr V with some agents replaced, by default by their upgrades."""
        others = self._upgraded if by is None else by
        rows = {**self._now, **{i: others[i] for i in upgraded}}
        return Estimate.of(sum(rows.values(), np.zeros(1)))

    def can_have(self, i: int, sampler: Sampler) -> bool:
        """Whether agent i has what a sampler needs."""
        return self._replacements.can_have(i, sampler)

    @property
    def cautions(self) -> set[str]:
        """What upgrades have to say of the results."""
        return self._replacements.cautions
