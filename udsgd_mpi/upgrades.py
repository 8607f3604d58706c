"""Which agents' samplers to upgrade: every agent contributes its own term to V."""

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.errors import ConfigurationError
from udsgd_mpi.prediction import (
    AgentForecast,
    Method,
    Part,
    combine,
    default_trials,
    from_the_start,
)
from udsgd_mpi.problem import Agent, Problem
from udsgd_mpi.samplers import Sampler, Stream
from udsgd_mpi.theory.paths import Functional

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Forecasts:
    """What each of some agents contributes with a sampler.

    Attributes
    ----------
    parts
        By agent.
    nanoseconds
        Measured time of drawing one point, by the first candidate.
    """

    parts: dict[int, Part]
    nanoseconds: float

    def trace(self, agent: int) -> float:
        """Tr V_i."""
        return float(np.trace(self.parts[agent].V))


class Planner:
    """Errors of a problem with some agents' samplers replaced; nothing is simulated.

    Parameters
    ----------
    before
        Name of the sampler that may be replaced.
    """

    def __init__(
        self,
        problem: Problem,
        before: str,
        method: Method = "auto",
        trials: int | None = None,
        threads: int = 1,
    ) -> None:
        experiment = problem.experiment
        self.N = len(problem.agents)
        self._problem = problem
        self._method = method
        self._threads = threads
        steps = np.array([experiment.steps], dtype=np.int64)
        spectrum = np.linalg.eigh(problem.hessian)
        self._forecast = AgentForecast(problem, spectrum, steps, trials or default_trials(self.N))
        self._start = from_the_start(problem, spectrum, steps)[0]
        self.candidates = [i for i, e in enumerate(problem.roster) if e.sampler == before]
        if not self.candidates:
            known = ", ".join(sorted({entry.sampler for entry in problem.roster}))
            raise ConfigurationError(
                f"--upgrade: expected a sampler that some agent has ({known}), got {before!r}"
            )
        self.now = self._forecasts(dict(enumerate(problem.agents)))

    def with_sampler(self, sampler: Sampler) -> Forecasts:
        """What the candidates contribute with another sampler."""
        weight = self._problem.experiment.weight
        agents = {i: self._problem.agents[i] for i in self.candidates}
        for i, agent in agents.items():
            same_law = agent.sampler.degree_biased == sampler.degree_biased
            if sampler.on_graph and agent.graph is None:
                raise ConfigurationError(f"{sampler.name}: agent {i} has no data graph to walk on")
            if weight != "unbiased" and not same_law:
                raise ConfigurationError(
                    f"{sampler.name}: with weight = {weight!r} another stationary law is another"
                    ' objective; use weight = "unbiased"'
                )
        return self._forecasts(
            {i: agent.with_sampler(sampler, weight) for i, agent in agents.items()}
        )

    def trace(self, upgraded: list[int], to: Forecasts) -> float:
        """Tr V with some agents upgraded."""
        parts = self._parts(upgraded, to)
        return float(sum(np.trace(part.V) for part in parts) / self.N**2)

    def mse(self, upgraded: list[int], to: Forecasts) -> float:
        """E‖θ_n − θ*‖² at the last step with some agents upgraded."""
        thetas = [part.theta for part in self._parts(upgraded, to)]
        mean = Functional(*(np.mean(field, axis=0) for field in zip(*thetas, strict=True)))
        return float(combine(mean, self._start, self.N)[0][0])

    def _parts(self, upgraded: list[int], to: Forecasts) -> list[Part]:
        return [
            (to if i in upgraded else self.now).parts[i] for i in range(len(self._problem.agents))
        ]

    def _forecasts(self, agents: dict[int, Agent]) -> Forecasts:
        parts = self._forecast.each(agents, self._method, self._threads)
        of_candidate = agents[self.candidates[0]]
        return Forecasts(parts, _draw_time(of_candidate, self.candidates[0]))


def _draw_time(agent: Agent, i: int, trials: int = 32, steps: int = 2000) -> float:
    path = agent.sampler.start(agent.batches, agent.graph, Stream(0, i, trials))
    out = np.empty((steps, trials), dtype=np.int32)
    path.draw(out)  # loads what is compiled
    started = time.process_time()
    path.draw(out)
    return (time.process_time() - started) * 1e9 / out.size
