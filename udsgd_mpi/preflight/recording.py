"""What recording losses takes, measured on a few points."""

from collections.abc import Callable
from time import thread_time
from typing import Any

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.communication import Layout
from udsgd_mpi.objectives import Points
from udsgd_mpi.problem import Problem, held_out_shares

_SECONDS = 0.1
_FEWEST = 25


def seconds_a_record(problem: Problem, layout: Layout) -> float:
    """Processor seconds of the losses of one recording step on the rank with most of them.

    Nothing where none are recorded.

    Parameters
    ----------
    problem
        Posed in one process, with all agents.
    """
    experiment, objective = problem.experiment, problem.objective
    if not experiment.records_loss:
        return 0.0
    numbers, most = experiment.numbers, experiment.record.loss_points
    theta = problem.initial(range(1))[0].astype(numbers)
    statistics = objective.initial_statistics().astype(numbers)
    beside = {"statistics": statistics} if len(statistics) else {}
    losses: Callable[..., Any] = objective.value_and_gradient
    tests: Callable[..., Any] = objective.value_and_hits
    points = problem.agents[0].expectation_over(most)
    trained = np.array([min(most, len(agent.points.labels)) for agent in problem.agents])
    shares = held_out_shares(problem)
    tested = np.array([0 if share is None else len(share.labels) for share in shares])
    seconds = _each(trained, points, lambda few: losses(theta, few, **beside))
    if tested.any():
        seconds = seconds + _each(tested, points, lambda few: tests(theta, few, **beside))
    return experiment.trials * float(np.add.reduceat(seconds, layout.starts[:-1]).max())


def _each(
    numbers: NDArray[np.int64], points: Points, measure: Callable[[Points], object]
) -> NDArray[np.float64]:
    """Seconds for so many points of each agent, from as many of these as take a while."""
    few = min(_FEWEST, len(points.labels))
    measure(points.take(np.arange(few)))  # warms up
    while True:
        taken = points.take(np.arange(few))
        began = thread_time()
        measure(taken)
        seconds = thread_time() - began
        if seconds > _SECONDS or few == len(points.labels):
            return seconds * numbers / few
        few = min(4 * few, len(points.labels))
