"""Trials of the update in its first steps, and which agents make them explode."""

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.engine.draws import Draws, block_length
from udsgd_mpi.engine.iterates import Iterates
from udsgd_mpi.engine.local_steps import LocalSteps
from udsgd_mpi.engine.sgd import StepByStep, unified_distributed_sgd
from udsgd_mpi.forecast.agent import overflowing
from udsgd_mpi.forecast.overshooting import steepness_of
from udsgd_mpi.kernels.agent_sums import mean_over_agents
from udsgd_mpi.problem import Problem, Team, start_paths
from udsgd_mpi.samplers import Streams
from udsgd_mpi.theory.step_size import CachedStepSize

Floats = NDArray[np.float64]


class FirstTrials:
    """Trials of all agents from θ_0 on, some at once.

    Parameters
    ----------
    team
        Of the processes that follow these trials together, each for the agents of ``problem``.
    steps
        How many are taken.
    seed
        Of the paths.
    """

    def __init__(self, problem: Problem, team: Team, steps: int, seed: int) -> None:
        self._problem, self._team, self._steps, self._seed = problem, team, steps, seed
        self._points, self._rows = problem.points, problem.first_rows
        self._steepness = np.zeros(len(self._points.labels))
        for agent, first in zip(problem.agents, self._rows, strict=True):
            own = slice(first, first + len(agent.points.labels), agent.batch)
            self._steepness[own] = steepness_of(problem, agent)

    def _start(self, trials: range) -> Draws:
        problem, agents, T = self._problem, self._problem.agents, len(trials)
        method, batch = problem.experiment.method, problem.batch
        self._iterates = Iterates.alone(len(agents), T, problem.d, method.states(problem.d))
        self._iterates.theta[:] = problem.initial(trials)
        descend = LocalSteps(self._iterates, method, problem.objective, self._points, batch)
        self._step = StepByStep(descend, self._mix, problem.schedule.times)
        self._growth = np.zeros((len(agents), T))
        self._culprits = np.full(T, -1)
        streams = Streams(self._seed, np.array(self._team.hosted), T, trials.start)
        block = min(self._steps, block_length(self._team.agents, T))
        return Draws(start_paths(agents, streams), self._rows, batch, T, length=block)

    @overflowing
    def culprits(self, trials: range, limit: float) -> NDArray[np.int64]:
        """Which agent made ‖θ_n − θ*‖² exceed a limit, shape (trials,); −1 where nothing does.

        It is the one whose visits until then multiply to the largest growth Π |1 − γ_k w λ| over
        those above 1. Collective where ``team`` is.

        Parameters
        ----------
        trials
            Their numbers; what is found in one does not depend on the others.
        """

        def observe(_: int) -> None:
            off = self._mean(self._iterates.theta) - self._problem.minimizer
            beyond = ~((off**2).sum(axis=1) <= limit) & (self._culprits < 0)
            growth = self._of_all(self._growth)
            self._culprits[beyond] = growth[:, beyond].argmax(axis=0)

        step_size = CachedStepSize(self._problem.experiment.step_size)
        stops, draws = range(1, self._steps + 1), self._start(trials)
        unified_distributed_sgd(draws, step_size, self._update, stops, observe)
        return self._culprits

    def _update(self, n: int, X: NDArray[np.int32], gamma: Floats) -> None:
        self._step(n, X, gamma)
        for points, step in zip(X, gamma.tolist(), strict=True):
            self._growth += np.log(np.maximum(1, abs(1 - step * self._steepness[points])))

    def _mix(self, n: int) -> None:
        W, team = self._problem.schedule.mixing(n), self._team
        for array in self._iterates.mixed.values():
            mixed = np.empty((team.agents, array.elements))
            W.apply(self._of_all(array.rows), mixed)
            array.rows[:] = mixed[team.hosted.start : team.hosted.stop]

    def _mean(self, values: Floats) -> Floats:
        """Mean over all agents of values (hosted agents, …)."""
        found = np.empty(values.shape[1:])
        rows = self._of_all(np.ascontiguousarray(values).reshape(len(values), -1))
        mean_over_agents(rows, found.reshape(-1))
        return found

    def _of_all(self, rows: Floats) -> Floats:
        """Rows of all agents from those of the hosted ones."""
        if len(rows) == self._team.agents:
            return rows
        return np.concatenate(self._team.allgather([rows]))
