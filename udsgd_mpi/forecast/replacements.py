"""Agents of a problem with other samplers."""

from collections.abc import Mapping

import numpy as np

from udsgd_mpi.graphs import Graph
from udsgd_mpi.graphs.ground import Ground, GroundSource
from udsgd_mpi.problem import Agent, Problem
from udsgd_mpi.samplers import Sampler
from udsgd_mpi.support.errors import ConfigurationError

_SAME = 1e-9  # relative, of weights of an objective


class Replacements:
    """Gives agents of a problem other samplers, which change no objective.

    Attributes
    ----------
    cautions
        What samplers have to say of the results.
    """

    def __init__(self, problem: Problem) -> None:
        self._problem = problem
        self._read: dict[tuple[GroundSource, int], Ground] = {}
        self.cautions: set[str] = set()

    def of_those_with(self, upgrades: Mapping[str, Sampler]) -> dict[int, Sampler]:
        """The agents whose samplers, by name, are replaced, with their new ones.

        Raises
        ------
        ConfigurationError
            If no agent has one of them.
        """
        samplers = [entry.sampler for entry in self._problem.summaries]
        for before in upgrades:
            if before not in samplers:
                known = ", ".join(sorted(set(samplers)))
                raise ConfigurationError(
                    f"--upgrade: expected a sampler that some agent has ({known}), got {before!r}"
                )
        return {i: upgrades[name] for i, name in enumerate(samplers) if name in upgrades}

    def __call__(self, samplers: Mapping[int, Sampler]) -> dict[int, Agent]:
        """Some agents with other samplers.

        Raises
        ------
        ConfigurationError
            If one can't have it, or the objective would be another.
        """
        weight = self._problem.experiment.weight
        agents = {}
        for i, sampler in samplers.items():
            agent = self._problem.agents[i]
            if not self.can_have(i, sampler):
                raise ConfigurationError(f"{sampler.name}: agent {i} has no data graph to walk on")
            agents[i] = agent.with_sampler(sampler, weight, self._needed(i, sampler))
            self.cautions.update(sampler.cautions(agent.batches, agents[i].graph))
            before, after = agent.expectation.weights, agents[i].expectation.weights
            if not np.allclose(before, after, rtol=_SAME, atol=0):
                raise ConfigurationError(
                    f"{sampler.name}: with weight = {weight!r} another stationary law changes the"
                    f' objective of agent {i}; use weight = "unbiased", and samplers that visit all'
                    " points"
                )
        return agents

    def can_have(self, i: int, sampler: Sampler) -> bool:
        """Whether agent i has what a sampler needs: walks need a data graph."""
        return not sampler.on_graph or isinstance(self._problem.agents[i].graph, Graph)

    def _needed(self, i: int, sampler: Sampler) -> Ground | None:
        """What a sampler of agent i needs beside its points."""
        agent = self._problem.agents[i]
        source = sampler.source(None)
        if source is None:
            return agent.graph
        key = source.of_agent(i), agent.batches
        if key not in self._read:
            what = f"{sampler.name} of agent {i}"
            self._read[key] = key[0].build(agent.batches, 0, what)
        return self._read[key]
