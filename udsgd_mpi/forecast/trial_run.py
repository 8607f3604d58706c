"""What a step takes, measured on a few steps of some agents."""

from collections.abc import Callable, Sequence
from time import thread_time

import numpy as np

from udsgd_mpi.communication.codecs import EXACT
from udsgd_mpi.engine.draws import Draws, block_length
from udsgd_mpi.engine.iterates import THETA, Iterates
from udsgd_mpi.engine.local_steps import LocalSteps
from udsgd_mpi.engine.pausing import pausing
from udsgd_mpi.engine.sgd import StepByStep
from udsgd_mpi.engine.states import public_of, states_of
from udsgd_mpi.problem import Problem, start_paths
from udsgd_mpi.samplers import Streams


def block_to_time(problem: Problem, agents: int, trials: int) -> int:
    """Steps of a block for ``seconds_a_step``, as many as a run draws at once where it can be."""
    # A block of a network's steps would take minutes, and drawing ahead would save it nothing.
    return 2 if problem.objective.libraries else block_length(agents, trials)


def seconds_a_step(
    problem: Problem,
    numbers: Sequence[int],
    trials: int,
    block: int,
    least: float,
    W: Callable[[int], None] | None = None,
) -> float:
    """Processor seconds that a step of a problem's agents takes in all trials.

    The first block of draws warms up; then whole blocks are measured.

    Parameters
    ----------
    numbers
        Of the agents.
    block
        Steps that are drawn at once.
    least
        Seconds to measure for.
    W
        Does the work of W_n; None: steps are local.
    """
    batch, experiment = problem.batch, problem.experiment
    streams = Streams(experiment.seed, np.array(numbers), trials)
    paths = start_paths(problem.agents, streams, problem.schedule)
    X = Draws(paths, problem.first_rows, batch, trials, length=block)
    method = experiment.method
    d, compression = problem.d, experiment.communication.compression
    states = *states_of(method, problem.objective, d), *public_of(experiment, d)
    codec = experiment.codec(d) if compression else EXACT
    iterates = Iterates.alone(len(numbers), trials, d, states, codec)
    iterates.compress(experiment.seed, range(len(numbers)), range(trials))
    descend = LocalSteps(iterates, method, problem.objective, problem.points, batch)
    update = None
    if W:
        mix = W

        def exchange(n: int) -> None:
            descend.prepare()
            mix(n)
            if compression:
                iterates.mixed[THETA].publish(n)
                iterates.mixed[THETA].restore()
            descend.settle()

        schedule = problem.schedule
        steps = pausing(descend, iterates, schedule, numbers)
        update = StepByStep(steps, exchange, schedule.times)
    gamma = np.zeros(block)
    marks: list[float] = []
    for n, m in X.blocks(0, 2**62):
        if update:
            update(n, X[n:m], gamma)
        else:
            descend(n, X[n:m], gamma)
        marks.append(thread_time())
        if len(marks) > 1 and marks[-1] - marks[0] > least:
            break
    return (marks[-1] - marks[0]) / (len(marks) - 1) / block
