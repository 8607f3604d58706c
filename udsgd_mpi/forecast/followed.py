"""What theory of first order leaves out, along trials that are followed.

θ_n is a linear functional of the paths to first order only. f is not quadratic, and its Hessian is
sampled as its gradient is. Agents disagree between aggregations, and by their different Hessians
that moves the average. All of it is of second order in γ_n, and so is the first order itself where
noise cancels, in shuffled epochs or under strong repulsion. Large first steps count for as long as
Φ(n, k), or an average over n, remembers them.

The linear functional of the same paths is the control variate: more is known of its expectation.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.forecast.agent import Spectrum
from udsgd_mpi.forecast.means import MeanOverTrials
from udsgd_mpi.forecast.trials import Squares, Trials
from udsgd_mpi.kernels.random_numbers import Purpose, generator
from udsgd_mpi.problem import LoneTeam, Problem, Team

Floats = NDArray[np.float64]

_NUMBERS_AT_ONCE = 2**16  # of θ; they stay in the second cache, and the interpreter is not felt


class SamePaths(NamedTuple):
    """Squared errors by the update and by its linear approximation on the same paths.

    Attributes
    ----------
    update, linear
        Shape (steps, trials).
    """

    update: Floats
    linear: Floats

    def corrected(self, first_order: Floats, error: Floats) -> MeanOverTrials:
        """The mean square of the update, with ``linear`` as its control variate.

        Parameters
        ----------
        first_order, error
            Expectation of ``linear`` and its standard error, shape (steps,).
        """
        return MeanOverTrials.controlled(self.update, self.linear, first_order, error)


class Followed(NamedTuple):
    """What was found along some trials.

    Attributes
    ----------
    theta, average
        ‖θ_n − θ*‖², and that of the Polyak–Ruppert average; the latter without steps where it is
        not asked for.
    consensus
        (1/N) Σ_i ‖θ^i_n − θ_n‖², shape (steps, trials).
    """

    theta: SamePaths
    average: SamePaths
    consensus: Floats


class FollowedTrials:
    """Follows trials of all agents with the problem's own W, as many as are asked for.

    Each process takes some of the trials, for all agents. Where their data stay where they are, all
    processes take all trials together, each for the agents that it hosts.

    Parameters
    ----------
    spectrum
        Eigenvalues, shape (d,), and eigenvectors, the columns of (d, d), of H.
    steps
        The n to look at, ascending.
    start
        What is not random at these, see ``from_the_start``.
    """

    def __init__(
        self,
        problem: Problem,
        team: Team,
        spectrum: Spectrum,
        steps: NDArray[np.int64],
        start: tuple[Floats, Floats],
    ) -> None:
        self._problem = problem
        self._team = team
        # Not the paths of the forecasts, whose errors are to be independent.
        rng = generator(problem.experiment.seed, Purpose.PREDICTION, 1)
        self._others = spectrum, steps, start, int(rng.integers(2**63))
        self._whole: Problem | None = None
        self._at_once = max(1, _NUMBERS_AT_ONCE // (team.agents * problem.d))
        averaged = problem.experiment.record.polyak
        self._squares = [np.empty((3, len(steps), 0)), np.empty((2, averaged * len(steps), 0))]

    @property
    def trials(self) -> int:
        """How many have been followed."""
        return self._squares[0].shape[-1]

    def follow(self, trials: int) -> Followed:
        """Follow trials until there are so many; collective.

        What is found in a trial depends neither on others nor on the processes.
        """
        wanted = range(self.trials, max(self.trials, trials))
        found = self._shared_out(wanted) if self._problem.portable else self._together(wanted)
        self._squares = [
            np.concatenate([before, *(part[k] for part in found)], axis=-1)
            for k, before in enumerate(self._squares)
        ]
        (update, linear, consensus), of_average = self._squares
        return Followed(SamePaths(update, linear), SamePaths(*of_average), consensus)

    def _shared_out(self, trials: range) -> list[Squares]:
        team = self._team
        share = team.share(len(trials))
        mine = trials[share.start : share.stop]
        wanted = bool(mine) and self._whole is None
        agents = team.allgather_where(wanted, self._problem.agents)
        if wanted:
            self._whole = replace(self._problem, agents=agents)

        def follow() -> list[Squares]:
            whole = self._whole or self._problem
            here = LoneTeam(team.agents)
            return [
                Trials(whole, here, *self._others, some).follow(team.check_in)
                for some in self._pieces(mine)
            ]

        return team.allgather(team.everywhere(follow))

    def _together(self, trials: range) -> list[Squares]:
        team = self._team

        def check_in() -> None:
            team.everywhere(lambda: None)

        return [
            Trials(self._problem, team, *self._others, some).follow(check_in)
            for some in self._pieces(trials)
        ]

    def _pieces(self, trials: range) -> list[range]:
        return [trials[k : k + self._at_once] for k in range(0, len(trials), self._at_once)]
