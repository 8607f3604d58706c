"""The update of all agents in some trials, on the processes of a team."""

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.communication import Schedule, StaleWeights
from udsgd_mpi.communication.codecs import EXACT
from udsgd_mpi.engine.draws import Draws, block_length
from udsgd_mpi.engine.history import StaleMixing
from udsgd_mpi.engine.iterates import Iterates
from udsgd_mpi.engine.local_steps import LocalSteps
from udsgd_mpi.engine.pausing import pausing
from udsgd_mpi.engine.sgd import StepByStep
from udsgd_mpi.engine.states import public_of
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
    theta
        θ^i of the hosted agents, shape (hosted agents, trials, d); another array after each step.
    """

    def __init__(
        self, problem: Problem, team: Team, seed: int, trials: range, longest: int | None = None
    ) -> None:
        experiment, agents, d, T = problem.experiment, problem.agents, problem.d, len(trials)
        method = experiment.method
        self._team = team
        block = block_length(team.agents, T)
        streams = Streams(seed, np.array(team.hosted), T, trials.start)
        paths = start_paths(agents, streams, problem.schedule)
        length = min(block, longest or block)
        self.draws = Draws(paths, problem.first_rows, problem.batch, T, length=length)
        states = *method.states(d), *public_of(experiment, d)
        codec = experiment.codec(d) if experiment.communication.compression else EXACT
        self._iterates = Iterates.alone(len(agents), T, d, states, codec)
        self._iterates.compress(seed, team.hosted, trials)
        self._iterates.theta[:] = problem.initial(trials)
        descend = LocalSteps(
            self._iterates, method, problem.objective, problem.points_of_steps, problem.batch
        )
        # Not a method of this object: it would be kept alive by itself, with all its arrays.
        schedule, start = problem.schedule, problem.initial(trials).reshape(-1)
        stale = [StaleMixing(W, start) for W in schedule.forms if isinstance(W, StaleWeights)]
        mix = _Mixing(schedule, team, self._iterates, descend, stale)
        steps = pausing(descend, self._iterates, schedule, team.hosted)
        self.step = StepByStep(steps, mix, schedule.times)

    @property
    def theta(self) -> Floats:
        return self._iterates.theta

    def mean(self, values: Floats) -> Floats:
        """Mean over all agents of values (hosted agents, …)."""
        found = np.empty(values.shape[1:])
        rows = self.of_all(np.ascontiguousarray(values).reshape(len(values), -1))
        mean_over_agents(rows, found.reshape(-1))
        return found

    def of_all(self, rows: Floats) -> Floats:
        """Rows of all agents from those of the hosted ones."""
        return _of_all(rows, self._team)


@dataclass(frozen=True)
class _Mixing:
    """Applies W_n to all that it mixes, wherever agents are hosted."""

    schedule: Schedule
    team: Team
    iterates: Iterates
    descend: LocalSteps
    stale: list[StaleMixing]

    def __call__(self, n: int) -> None:
        number, hosted = self.schedule.count(n), self.team.hosted
        apply = self.schedule.mixing(n).apply
        if self.stale:
            apply = partial(self.stale[self.schedule.which(n)], number)
        self.descend.prepare()
        for array in self.iterates.mixed.values():
            array.publish(number)
            if array.agents == self.team.agents:
                apply(array.half_steps, array.mixed)
                array.swap()
            else:
                mixed = np.empty((self.team.agents, array.elements))
                apply(_of_all(array.rows, self.team), mixed)
                array.rows[:] = mixed[hosted.start : hosted.stop]
            array.restore()
        self.descend.settle()


def _of_all(rows: Floats, team: Team) -> Floats:
    return rows if len(rows) == team.agents else np.concatenate(team.allgather([rows]))
