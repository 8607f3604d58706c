"""What a step takes, measured on a few steps of some agents."""

from collections.abc import Callable
from time import thread_time

import numpy as np

from udsgd_mpi.communication.codecs import EXACT
from udsgd_mpi.data.images.augmentation import Variation
from udsgd_mpi.engine.draws import Draws, block_length
from udsgd_mpi.engine.iterates import THETA, Iterates
from udsgd_mpi.engine.local_steps import LocalSteps
from udsgd_mpi.engine.pausing import pausing
from udsgd_mpi.engine.sgd import StepByStep, Update
from udsgd_mpi.engine.states import public_of, states_of
from udsgd_mpi.problem import Problem, start_paths
from udsgd_mpi.samplers import Streams


def block_to_time(problem: Problem, agents: int, trials: int) -> int:
    """Steps of a block for a ``TrialRun``, as many as a run draws at once where it can be."""
    # A block of a network's steps would take minutes, and drawing ahead would save it nothing.
    return 2 if problem.objective.libraries else block_length(agents, trials)


class TrialRun:
    """Some agents of a problem as a run has them, in numbers of its type, at a step of length 0.

    Parameters
    ----------
    agents
        Their numbers.
    block
        Steps that are drawn at once.
    W
        Does the work of W_n; None: steps are local.
    """

    def __init__(
        self,
        problem: Problem,
        agents: range,
        trials: int,
        block: int,
        W: Callable[[int], None] | None = None,
    ) -> None:
        experiment, d, batch = problem.experiment, problem.d, problem.batch
        seed, numbers, method = experiment.seed, experiment.numbers, experiment.method
        streams = Streams(seed, np.array(agents), trials)
        paths = start_paths(problem.agents, streams, problem.schedule)
        self._draws = Draws(paths, problem.first_rows, batch, trials, length=block)
        self._block = block
        compression = experiment.communication.compression
        states = states_of(method, problem.objective, d, numbers)
        beside = *states, *public_of(experiment, d, numbers)
        codec = experiment.codec(d) if compression else EXACT
        self._iterates = Iterates.alone(len(agents), trials, d, beside, codec, numbers)
        self._iterates.compress(seed, agents, range(trials))
        augment = experiment.data.augment
        vary = None if augment is None else Variation(augment, seed, agents, range(trials))
        points = problem.points_of_steps
        self._descend = LocalSteps(self._iterates, method, problem.objective, points, batch, vary)
        self._mix = W
        self._update: Update = self._descend
        if W:
            schedule = problem.schedule
            steps = pausing(self._descend, self._iterates, schedule, agents)
            self._update = StepByStep(steps, self._exchange, schedule.times)

    def step(self, least: float) -> float:
        """Processor seconds of a step of all of the agents in all trials.

        The first block of draws warms up; then whole blocks are measured.

        Parameters
        ----------
        least
            Seconds to measure for.
        """
        gamma = np.zeros(self._block)
        marks: list[float] = []
        for n, m in self._draws.blocks(self._draws.n, 2**62):
            self._update(n, self._draws[n:m], gamma)
            marks.append(thread_time())
            if len(marks) > 1 and marks[-1] - marks[0] > least:
                break
        return (marks[-1] - marks[0]) / (len(marks) - 1) / self._block

    def exchange(self) -> float:
        """Processor seconds of an aggregation; the first one warms up."""
        self._exchange(1)
        began = thread_time()
        self._exchange(2)
        return thread_time() - began

    def _exchange(self, n: int) -> None:
        theta = self._iterates.mixed[THETA]
        self._descend.prepare()
        if self._mix:
            self._mix(n)
        if theta.public is not None:
            theta.publish(n)
            theta.restore()
        self._descend.settle()
