"""The update of all agents in some trials, on the processes of a team."""

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.engine.draws import Draws, block_length
from udsgd_mpi.engine.iterates import Iterates
from udsgd_mpi.engine.local_steps import LocalSteps
from udsgd_mpi.engine.sgd import StepByStep
from udsgd_mpi.kernels.agent_sums import mean_over_agents
from udsgd_mpi.problem import Problem, Team, start_paths
from udsgd_mpi.samplers import Streams

Floats = NDArray[np.float64]


class Together:
    """All agents at θ_0, each where it is hosted, with the problem's own W and method.

    Parameters
    ----------
    team
        Of the processes that follow these trials together, each for the agents of ``problem``.
    seed
        Of the paths.
    trials
        Their numbers.
    longest
        The most steps to draw at once; by default as many as a run does.

    Attributes
    ----------
    draws
        The agents' points.
    step
        Takes steps of all of them; collective where ``team`` is.
    """

    def __init__(
        self, problem: Problem, team: Team, seed: int, trials: range, longest: int | None = None
    ) -> None:
        agents, method, T = problem.agents, problem.experiment.method, len(trials)
        self._team, self._mixing = team, problem.schedule.mixing
        block = block_length(team.agents, T)
        paths = start_paths(agents, Streams(seed, np.array(team.hosted), T, trials.start))
        length = min(block, longest or block)
        self.draws = Draws(paths, problem.first_rows, problem.batch, T, length=length)
        self._iterates = Iterates.alone(len(agents), T, problem.d, method.states(problem.d))
        self._iterates.theta[:] = problem.initial(trials)
        self._descend = LocalSteps(
            self._iterates, method, problem.objective, problem.points, problem.batch
        )
        self.step = StepByStep(self._descend, self._mix, problem.schedule.times)

    @property
    def theta(self) -> Floats:
        """θ^i of the hosted agents, shape (hosted agents, trials, d)."""
        return self._iterates.theta

    def mean(self, values: Floats) -> Floats:
        """Mean over all agents of values (hosted agents, …)."""
        found = np.empty(values.shape[1:])
        rows = self.of_all(np.ascontiguousarray(values).reshape(len(values), -1))
        mean_over_agents(rows, found.reshape(-1))
        return found

    def of_all(self, rows: Floats) -> Floats:
        """Rows of all agents from those of the hosted ones."""
        if len(rows) == self._team.agents:
            return rows
        return np.concatenate(self._team.allgather([rows]))

    def _mix(self, n: int) -> None:
        W, team = self._mixing(n), self._team
        for array in self._iterates.mixed.values():
            if array.agents == team.agents:
                W.apply(array.half_steps, array.mixed)
                array.swap()
            else:
                mixed = np.empty((team.agents, array.elements))
                W.apply(self.of_all(array.rows), mixed)
                array.rows[:] = mixed[team.hosted.start : team.hosted.stop]
        self._descend.settle()
