"""Which agents' samplers to upgrade: every agent contributes its own term to V."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.forecast import (
    AgentForecast,
    AgentMoments,
    Approach,
    from_the_start,
    mse_of_mean,
)
from udsgd_mpi.forecast.criteria import Criterion, criterion_of
from udsgd_mpi.forecast.paths import Functional
from udsgd_mpi.forecast.presence import presence_in_the_limit
from udsgd_mpi.forecast.replacements import Replacements
from udsgd_mpi.forecast.stale_reads import require_new_reads
from udsgd_mpi.forecast.trial_run import TrialRun, block_to_time
from udsgd_mpi.problem import Agent, LoneTeam, Problem
from udsgd_mpi.samplers import Sampler
from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.theory.limit import check_step_size

Floats = NDArray[np.float64]

_TRIALS, _SECONDS = 32, 0.05  # of a measurement


@dataclass(frozen=True)
class Contributions:
    """What each of some agents contributes with a sampler.

    Attributes
    ----------
    parts
        By agent.
    seconds
        Measured time of a local step of one trial, by agent.
    """

    parts: dict[int, AgentMoments]
    seconds: dict[int, float]


class Best(NamedTuple):
    """Agents whose upgrades make a criterion least.

    Attributes
    ----------
    agents
        Ascending where the criterion does not rank them, else the largest gain first.
    value
        Of the criterion with these upgrades.
    bound
        No other candidates, so many of them, bring it below this.
    """

    agents: list[int]
    value: float
    bound: float


class Planner:
    """Errors of a problem with some agents' samplers replaced; nothing is simulated.

    Parameters
    ----------
    upgrades
        What a sampler, by name, may be replaced with.
    criterion, contrast
        What of V is to be small; see ``criterion_of``.

    Attributes
    ----------
    candidates
        Agents that can be upgraded, the one first whose upgrade alone reduces the criterion most.

    Raises
    ------
    ConfigurationError
        If something is wrong with the upgrades or the criterion, or V of an agent is not known.
    """

    def __init__(
        self,
        problem: Problem,
        upgrades: Mapping[str, Sampler],
        method: Approach = "auto",
        trials: int | None = None,
        threads: int = 1,
        criterion: str = "trace",
        contrast: Sequence[float] | Floats | None = None,
    ) -> None:
        require_new_reads(problem, "plan")
        self.N = len(problem.agents)
        self.criterion: Criterion = criterion_of(criterion, contrast, problem.d)
        self._problem = problem
        self._method = method
        self._replacements = Replacements(problem)
        self._team = LoneTeam(self.N, threads)
        steps = np.array([problem.experiment.steps], dtype=np.int64)
        spectrum = np.linalg.eigh(problem.hessian)
        self._forecast = AgentForecast(problem, spectrum, steps, trials)
        self._start = from_the_start(problem, self._team, spectrum, steps)[0]
        # What no sampler changes.
        self._presence = presence_in_the_limit(problem, self._team, self._forecast.in_the_limit)
        able = self._replacements.of_those_with(upgrades)
        self._now = self._forecasts(dict(enumerate(problem.agents)))
        self._upgraded = self.replacing(able)
        for parts in (self._now.parts, self._upgraded.parts):
            _require_known(parts, problem.experiment.steps)
        self._V = np.asarray(sum(part.V for part in self._now.parts.values()) / self.N**2)
        if self._presence:
            self._V = self._V + self._presence.covariance
        alone = {i: self.criterion(self._V - self._gain(i, self._upgraded)) for i in able}
        self.candidates = sorted(able, key=lambda i: alone[i])
        gains = (self._gain(i, self._upgraded) for i in self.candidates)
        self._choices = cache(self.criterion.choices(self._V, gains))

    def replacing(self, samplers: Mapping[int, Sampler]) -> Contributions:
        """What some agents contribute with other samplers."""
        return self._forecasts(self._replacements(samplers))

    def can_have(self, i: int, sampler: Sampler) -> bool:
        """Whether agent i has what a sampler needs."""
        return self._replacements.can_have(i, sampler)

    @property
    def cautions(self) -> set[str]:
        """What upgrades have to say of the results."""
        return self._replacements.cautions

    def best(self, k: int) -> Best:
        """The k candidates whose upgrades make the criterion least, all if there are fewer."""
        found = self._choices(min(max(0, k), len(self.candidates)))
        return Best([self.candidates[j] for j in found.chosen], found.value, found.bound)

    def value(self, replaced: list[int], by: Contributions | None = None) -> float:
        """The criterion with some agents replaced, by default by their upgrades."""
        return self.criterion(self.covariance(replaced, by))

    def covariance(self, replaced: list[int], by: Contributions | None = None) -> Floats:
        """V with some agents replaced, by default by their upgrades, shape (d, d)."""
        gains = (self._gain(i, by or self._upgraded) for i in replaced)
        return np.asarray(self._V - sum(gains, np.zeros_like(self._V)))

    def trace(self, replaced: list[int], by: Contributions | None = None) -> float:
        """Tr V with some agents replaced, by default by their upgrades."""
        parts = self._parts(replaced, by or self._upgraded)
        of_presence = self._presence.agent_traces.sum() if self._presence else 0.0
        return float(sum(np.trace(part.V) for part in parts) / self.N**2 + of_presence)

    def mse(self, replaced: list[int], by: Contributions | None = None) -> float:
        """E‖θ_n − θ*‖² at the last step with some agents replaced, to first order."""
        thetas = [part.theta for part in self._parts(replaced, by or self._upgraded)]
        mean = Functional(*(np.mean(field, axis=0) for field in zip(*thetas, strict=True)))
        return float(mse_of_mean(mean, self._start, self.N)[0][0])

    def seconds(self, upgraded: list[int]) -> float:
        """Time of a local step of the slowest agent, for which the others wait."""
        return max((self._now.seconds | self._of(upgraded)).values())

    def mse_at_equal_time(self, upgraded: list[int]) -> float:
        """The MSE at the time at which the last step would be done without upgrades.

        A step takes as long as the slowest agent does; the MSE goes like γ_n between the two.
        """
        slower = self.seconds(upgraded) / self.seconds([])
        mu = float(self._forecast.spectrum[0][0])
        step_size = check_step_size(mu, self._forecast.in_the_limit)
        n, offset = self._problem.experiment.steps, step_size.offset
        larger = slower * ((n + offset) / (n + slower * offset))  # γ at n / slower, of that at n
        return float(self.mse(upgraded) * larger**step_size.exponent)

    def _of(self, upgraded: list[int]) -> dict[int, float]:
        return {i: self._upgraded.seconds[i] for i in upgraded}

    def _gain(self, i: int, by: Contributions) -> Floats:
        """What agent i, replaced, takes off V, shape (d, d)."""
        return np.asarray((self._now.parts[i].V - by.parts[i].V) / self.N**2)

    def _parts(self, replaced: list[int], by: Contributions) -> list[AgentMoments]:
        return [(by if i in replaced else self._now).parts[i] for i in range(self.N)]

    def _forecasts(self, agents: dict[int, Agent]) -> Contributions:
        def part(i: int, agent: Agent) -> AgentMoments:
            return self._forecast(agent, i, self._method)

        parts = self._team.map_balanced(agents, {}, part)
        alike = {agent.sampler: (i, agent) for i, agent in agents.items()}
        times = {sampler: self._seconds(i, agent) for sampler, (i, agent) in alike.items()}
        return Contributions(parts, {i: times[agent.sampler] for i, agent in agents.items()})

    def _seconds(self, i: int, agent: Agent) -> float:
        alone = replace(self._problem, agents=[agent])
        block = block_to_time(self._problem, 1, _TRIALS)
        return TrialRun(alone, range(i, i + 1), _TRIALS, block).step(_SECONDS) / _TRIALS


def _require_known(parts: Mapping[int, AgentMoments], steps: int) -> None:
    for i, part in parts.items():
        if not np.isfinite(part.V).all():
            raise ConfigurationError(
                f"V of agent {i}: expected a sampler whose V is known, or enough steps to estimate"
                f" it from sampled paths, got {steps:,} steps; use more"
            )
