"""Trials of the update itself, with the linear functional of the same paths beside them."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.engine.sgd import unified_distributed_sgd
from udsgd_mpi.forecast.agent import Spectrum
from udsgd_mpi.forecast.paths import linear_descent
from udsgd_mpi.forecast.presence import paces_of
from udsgd_mpi.forecast.stale_reads import noise_at_minimizer
from udsgd_mpi.forecast.together import Together
from udsgd_mpi.kernels.agent_sums import squared_distances
from udsgd_mpi.problem import Problem, Team
from udsgd_mpi.theory.step_size import CachedStepSize

Floats = NDArray[np.float64]

_STEPS_BETWEEN_REPORTS = 256


class Squares(NamedTuple):
    """Squared errors and distances at the steps that are looked at.

    Attributes
    ----------
    of_theta
        By the update and linearly, and (1/N) Σ_i ‖θ^i_n − θ_n‖²; shape (3, steps, trials).
    of_average
        Of the Polyak–Ruppert average, by the update and linearly; shape (2, steps, trials), without
        steps where it is not asked for.
    """

    of_theta: Floats
    of_average: Floats


class Trials:
    """Some trials of all agents, followed from θ_0 on.

    Parameters
    ----------
    team
        Of the processes that follow these trials together, each for the agents of ``problem``.
    spectrum
        Eigenvalues, shape (d,), and eigenvectors, the columns of (d, d), of H.
    steps
        The n to look at, ascending.
    start
        What is not random at these, see ``from_the_start``.
    seed
        Of the paths.
    trials
        Their numbers.
    """

    def __init__(
        self,
        problem: Problem,
        team: Team,
        spectrum: Spectrum,
        steps: NDArray[np.int64],
        start: tuple[Floats, Floats],
        seed: int,
        trials: range,
    ) -> None:
        experiment, agents, first_rows = problem.experiment, problem.agents, problem.first_rows
        self._problem, self._steps = problem, steps
        self._h, basis = spectrum
        shape = len(agents), len(trials), problem.d
        self._together = Together(problem, team, seed, trials)
        self._noise = np.zeros((len(problem.points.labels), problem.d))
        for i, agent, first in zip(team.hosted, agents, first_rows, strict=True):
            g = noise_at_minimizer(problem, agent, i)
            self._noise[first : first + len(agent.points.labels) : agent.batch] = g @ basis
        self._linear, self._velocity = np.zeros((2, *shape))
        self._start = start
        self._paces = paces_of(problem, team.hosted, [agent.pace for agent in agents])
        self._averaged = experiment.record.polyak
        self._linear_sum = np.zeros((*shape[:2], problem.d if self._averaged else 0))
        self._sum = np.zeros(shape[1:])
        self._row = {int(n): row for row, n in enumerate(steps)}
        self._found = Squares(
            np.empty((3, len(steps), shape[1])),
            np.empty((2, self._averaged * len(steps), shape[1])),
        )

    def follow(self, check_in: Callable[[], None]) -> Squares:
        """Follow them; collective where ``team`` is.

        Parameters
        ----------
        check_in
            Is called at the same steps on all processes.
        """
        steps, last = self._steps, int(self._steps[-1])

        def observe(n: int) -> None:
            if n % _STEPS_BETWEEN_REPORTS == 0:
                check_in()
            self._observe(n)

        reports = range(_STEPS_BETWEEN_REPORTS, last, _STEPS_BETWEEN_REPORTS)
        looked_at = sorted({*steps[steps > 0].tolist(), *reports})
        stops = range(1, last + 1) if self._averaged else looked_at
        gamma = CachedStepSize(self._problem.experiment.step_size)
        self._observe(0)
        unified_distributed_sgd(self._together.draws, gamma, self._update, stops, observe)
        return self._found

    def _update(self, n: int, X: NDArray[np.int32], gamma: Floats) -> None:
        self._together.step(n, X, gamma)
        momentum = self._problem.experiment.method.momentum or 0.0
        paces = self._paces(n + 1, n + len(X)) if self._paces else np.ones(X.shape[:2])
        of_linear = self._linear, self._linear_sum, self._velocity
        linear_descent(*of_linear, X, self._noise, self._h, gamma, paces, momentum)

    def _observe(self, n: int) -> None:
        if n not in self._row and not self._averaged:
            return
        theta, star = self._together.theta, self._problem.minimizer
        mean = self._together.mean
        centre = mean(theta)
        if n in self._row:
            row, start = self._row[n], self._start
            distances = np.empty(theta.shape[:2])
            squared_distances(theta, centre, distances)
            linear = start[0][row] + mean(self._linear)
            squares = _squared(centre - star), _squared(linear), mean(distances)
            self._found.of_theta[:, row] = squares
            if self._averaged:
                linear = start[1][row] + mean(self._linear_sum) / max(n, 1)
                average = self._sum / max(n, 1)
                self._found.of_average[:, row] = _squared(average - star), _squared(linear)
        self._sum += centre


def _squared(values: Floats) -> Floats:
    return np.asarray((values**2).sum(axis=1))
