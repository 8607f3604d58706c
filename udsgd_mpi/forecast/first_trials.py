"""Trials of the update in its first steps, and which agents make them explode."""

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.engine.sgd import unified_distributed_sgd
from udsgd_mpi.forecast.agent import overflowing
from udsgd_mpi.forecast.overshooting import steepness_of
from udsgd_mpi.forecast.together import Together
from udsgd_mpi.problem import Problem, Team
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
        self._steepness = np.zeros(len(problem.points.labels))
        for agent, first in zip(problem.agents, problem.first_rows, strict=True):
            own = slice(first, first + len(agent.points.labels), agent.batch)
            self._steepness[own] = steepness_of(problem, agent)

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
        problem = self._problem
        together = Together(problem, self._team, self._seed, trials, longest=self._steps)
        growth = np.zeros((len(problem.agents), len(trials)))
        culprits = np.full(len(trials), -1)

        def update(n: int, X: NDArray[np.int32], gamma: Floats) -> None:
            together.step(n, X, gamma)
            for points, step in zip(X, gamma.tolist(), strict=True):
                growth[:] += self._growth_by(points, step)

        def observe(_: int) -> None:
            off = together.mean(together.theta) - problem.minimizer
            beyond = ~((off**2).sum(axis=1) <= limit) & (culprits < 0)
            culprits[beyond] = together.of_all(growth)[:, beyond].argmax(axis=0)

        step_size = CachedStepSize(problem.experiment.step_size)
        stops = range(1, self._steps + 1)
        unified_distributed_sgd(together.draws, step_size, update, stops, observe)
        return culprits

    def _growth_by(self, points: NDArray[np.int32], step: float) -> Floats:
        """Logarithm of what a step at some points multiplies an error by, if that is above 1."""
        return np.asarray(np.log(np.maximum(1, abs(1 - step * self._steepness[points]))))
