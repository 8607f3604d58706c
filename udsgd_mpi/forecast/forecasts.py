"""Forecasts of all agents, each made once."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.forecast.agent import AgentForecast, AgentMoments, Approach
from udsgd_mpi.problem import Agent, Problem, Team, inputs_of_agents

Floats = NDArray[np.float64]

_TOLERANCE = 0.03
_MORE_PATHS = (2, 16)  # times as many, at the least and at the most
_MOST_BYTES = 2**26

Key = tuple[bytes, bytes, Approach, bool, int]


class Forecasts:
    """Makes them, and keeps as many as fit into 64 MB, since variants share many agents."""

    def __init__(self) -> None:
        self._known: dict[Key, AgentMoments] = {}
        self._bytes = 0

    def __call__(
        self,
        forecast: AgentForecast,
        problem: Problem,
        team: Team,
        method: Approach,
        *,
        adapt: bool,
    ) -> list[AgentMoments]:
        """Forecasts of the hosted agents; collective where ``team`` is.

        Parameters
        ----------
        adapt
            Whether to sample more paths of agents that dominate the error.
        """
        agents = dict(zip(team.hosted, problem.agents, strict=True))
        inputs = inputs_of_agents(problem)

        def action(i: int, item: tuple[Agent, int]) -> AgentMoments:
            agent, paths = item
            return forecast(agent, i, method, paths)

        def in_place(new: Mapping[int, tuple[Agent, int]]) -> dict[int, AgentMoments]:
            parts = {}
            for i, item in new.items():
                team.check_in()
                parts[i] = action(i, item)
            return parts

        def made(paths: dict[int, int]) -> dict[int, AgentMoments]:
            keys = {
                i: (inputs[i], forecast.steps.tobytes(), method, forecast.averaged, number)
                for i, number in paths.items()
            }
            new = {i: (agents[i], paths[i]) for i, key in keys.items() if key not in self._known}
            if problem.portable:
                efforts = {i: number * _nanoseconds(agent) for i, (agent, number) in new.items()}
                parts = team.map_balanced(new, efforts, action)
            else:
                parts = team.everywhere(lambda: in_place(new))
            found = {i: parts[i] if i in new else self._known[key] for i, key in keys.items()}
            for i, part in parts.items():
                self._remember(keys[i], part)
            return found

        parts = made({i: forecast.usual_paths(agent) for i, agent in agents.items()})
        if adapt:
            parts |= made(_more_paths(parts, team))
        return [parts[i] for i in agents]

    def _remember(self, key: Key, part: AgentMoments) -> None:
        size = sum(array.nbytes for array in part.arrays)
        if self._bytes + size <= _MOST_BYTES:
            self._known[key] = part
            self._bytes += size


def _nanoseconds(agent: Agent) -> float:
    degree = np.nan if agent.graph is None else agent.graph.mean_degree
    return agent.sampler.nanoseconds(degree)


def _more_paths(parts: Mapping[int, AgentMoments], team: Team) -> dict[int, int]:
    """How many paths to sample of each hosted agent that needs more."""
    known = team.allgather(
        [(part.paths, part.theta.error[-1], part.theta.variance[-1]) for part in parts.values()]
    )
    paths, errors, variances = map(np.array, zip(*known, strict=True))
    enough = allocation(paths, errors, _TOLERANCE * variances.sum())
    return {i: int(enough[i]) for i in parts if enough[i] > paths[i]}


def allocation(paths: NDArray[np.int64], errors: Floats, tolerance: float) -> NDArray[np.int64]:
    """Numbers of paths with which a sum over agents is known well enough.

    In proportion to the spread of each agent's term (Neyman 1934), since a few slow walks may make
    most of the error. Those that need less than twice what they had keep it.

    Parameters
    ----------
    paths
        Numbers of paths so far, shape (agents,).
    errors
        Standard errors of the terms by these, shape (agents,).
    tolerance
        Standard error that the sum may have.
    """
    if np.sqrt((errors**2).sum()) <= tolerance:
        return paths
    spread = errors * np.sqrt(paths)
    enough = np.ceil(spread * spread.sum() / tolerance**2).astype(np.int64)
    least, most = _MORE_PATHS
    return np.where(enough >= least * paths, np.minimum(enough, most * paths), paths)
