"""What the curvature of f adds to the first order, from sampled paths.

θ_n is a linear functional of the paths to first order only: f is not quadratic, and its Hessian is
sampled as its gradient is. What that adds is of relative order 1/N. But where noise cancels itself,
in shuffled epochs or under strong repulsion, the first order is small; and the first steps, in
which nothing has cancelled yet, count for as long as Φ(n, k), or an average over n, remembers them.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.engine.draws import Draws
from udsgd_mpi.engine.iterates import Iterates
from udsgd_mpi.engine.local_steps import LocalSteps
from udsgd_mpi.engine.sgd import StepByStep, each_step, unified_distributed_sgd
from udsgd_mpi.forecast.agent import Spectrum, from_the_start
from udsgd_mpi.forecast.paths import linear_descent
from udsgd_mpi.problem import LoneTeam, Problem, Team, start_paths
from udsgd_mpi.samplers import Streams
from udsgd_mpi.theory.step_size import CachedStepSize

Floats = NDArray[np.float64]

_AT_ONCE = 5  # trials, as a step takes hardly longer for them than for one


class SamePaths(NamedTuple):
    """Squared errors by the update and by its linear approximation on the same paths.

    Attributes
    ----------
    update, linear
        Shape (steps, trials).
    """

    update: Floats
    linear: Floats

    def correct(self, first_order: Floats, error: Floats) -> tuple[Floats, Floats]:
        """The mean square of the update and its standard error, shape (steps,).

        ``linear`` is the control variate, as more is known of its expectation, with the
        coefficient that makes the error least.

        Parameters
        ----------
        first_order, error
            Expectation of ``linear`` and its standard error, shape (steps,).
        """
        trials = self.update.shape[1]
        means = self.update.mean(axis=1), self.linear.mean(axis=1)
        update, linear = (each - mean[:, None] for each, mean in zip(self, means, strict=True))
        spread = (linear**2).sum(axis=1)
        shared = (update * linear).sum(axis=1)
        coefficient = np.clip(shared / np.where(spread > 0, spread, 1), 0, 1)
        rest = update - coefficient[:, None] * linear
        corrected = means[0] - coefficient * (means[1] - first_order)
        return corrected, np.hypot(rest.std(axis=1, ddof=1) / np.sqrt(trials), coefficient * error)


def curvature(
    problem: Problem,
    team: Team,
    spectrum: Spectrum,
    steps: NDArray[np.int64],
    seed: int,
    trials: int,
) -> tuple[SamePaths, SamePaths] | None:
    """‖θ_n − θ*‖², and that of the Polyak–Ruppert average, on sampled paths; collective.

    Agents are at consensus (W = J) at every step: how far they disagree in the first steps, which
    depends on W, is left out. Each process takes some of the trials, for all agents.

    Parameters
    ----------
    spectrum
        Eigenvalues, shape (d,), and eigenvectors, the columns of (d, d), of H.
    steps
        The n to look at, ascending.
    seed
        Of the paths.

    Returns
    -------
    None where the problem is not portable.
    """
    if not problem.portable:
        return None
    pieces = team.share(-(-trials // _AT_ONCE))
    mine = range(pieces.start * _AT_ONCE, min(trials, pieces.stop * _AT_ONCE))
    agents = team.allgather_where(bool(mine), problem.agents)

    def follow() -> Floats:
        if not agents:
            return np.empty((2, 2, len(steps), 0))
        whole = replace(problem, agents=agents)
        return _follow(whole, spectrum, steps, seed, mine, team.check_in)

    squares = team.everywhere(follow)
    of_theta, of_average = np.concatenate(team.allgather([squares]), axis=-1)
    return SamePaths(*of_theta), SamePaths(*of_average)


def _follow(
    problem: Problem,
    spectrum: Spectrum,
    steps: NDArray[np.int64],
    seed: int,
    trials: range,
    check_in: Callable[[], None],
) -> Floats:
    """Squares of θ_n and its average, by the update and linearly; (2, 2, steps, trials)."""
    experiment, agents = problem.experiment, problem.agents
    (h, basis), step_size = spectrum, experiment.step_size
    shape = (len(agents), len(trials), len(h))
    g = np.zeros((len(problem.points.labels), len(h)))
    paths = start_paths(agents, Streams(seed, np.arange(len(agents)), len(trials), trials.start))
    for agent, first in zip(agents, problem.first_rows, strict=True):
        noise = agent.gradient_noise(problem.objective, problem.minimizer) @ basis
        g[first : first + len(agent.points.labels) : agent.batch] = noise
    X = Draws(paths, problem.first_rows, problem.batch, len(trials))
    iterates = Iterates.alone(*shape, experiment.method.states(len(h)))
    iterates.theta[:] = problem.initial(trials)
    descend = LocalSteps(
        iterates, experiment.method, problem.objective, problem.points, problem.batch
    )
    linear, linear_sum, velocity = np.zeros((3, *shape))
    momentum = experiment.method.momentum or 0.0
    theta_sum = iterates.theta[0].copy()
    start = from_the_start(problem, spectrum, steps)
    rows = {int(n): row for row, n in enumerate(steps)}
    squares = np.empty((2, 2, len(steps), len(trials)))

    def mean(values: Floats) -> Floats:
        return LoneTeam(len(agents)).mean(values.reshape(len(agents), -1)).reshape(shape[1:])

    def consensus(_: int) -> None:
        iterates.theta[:] = mean(iterates.theta)

    def compare(row: int, n: int, theta: Floats) -> None:
        squares[0, 0, row] = _squared(theta - problem.minimizer)
        squares[0, 1, row] = _squared(start[0][row] + mean(linear))
        squares[1, 0, row] = _squared(theta_sum / max(n, 1) - problem.minimizer)
        squares[1, 1, row] = _squared(start[1][row] + mean(linear_sum) / max(n, 1))

    def observe(n: int) -> None:
        nonlocal theta_sum
        theta = iterates.theta[0]
        check_in()
        gamma = step_size(n, n)
        linear_descent(linear, linear_sum, velocity, X[n - 1 : n], g, h, gamma, momentum)
        if n in rows:
            compare(rows[n], n, theta)
        theta_sum += theta

    if 0 in rows:
        compare(rows[0], 0, theta_sum)
    unified_distributed_sgd(
        X,
        CachedStepSize(step_size),
        StepByStep(descend, consensus, each_step),
        range(1, int(steps[-1]) + 1),
        observe,
    )
    return squares


def _squared(values: Floats) -> Floats:
    return np.asarray((values**2).sum(axis=1))
