"""Which rank hosts which agents, so that all ranks take about the same time for a step."""

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.communication import Layout
from udsgd_mpi.problem import Problem

# Nanoseconds on the processor of tests/benchmarks; only their ratios count.
_NUMBER_OF_A_GRADIENT = 0.6
_NUMBER_OF_A_SUM = 0.065


def layout_on(problem: Problem, ranks: int) -> Layout:
    """Hosts of all agents, the same function on every rank.

    Where agents read data, graphs or chains from files of their own, blocks are even: what an agent
    takes is known only after its host has read them.

    Raises
    ------
    ConfigurationError
        If there are more ranks than agents.
    """
    groups = problem.experiment.groups.values()
    sources = [group.sampler.source(group.graph) for group in groups]
    own = any(source is not None and source.is_of_agents for source in sources)
    if problem.experiment.data.is_of_agents or own:
        return Layout.even(len(problem.summaries), ranks)
    return Layout.balanced(efforts(problem), ranks)


def efforts(problem: Problem) -> NDArray[np.int64]:
    """About how many picoseconds a step of a trial of each agent takes, shape (N,).

    A function of what every rank knows of all agents: samplers, mean degrees of the data graphs,
    mini-batches, d, and rows of W.
    """
    experiment, d = problem.experiment, problem.d
    sampling = [
        experiment.groups[entry.group].sampler.nanoseconds(entry.mean_degree)
        for entry in problem.summaries
    ]
    gradient = _NUMBER_OF_A_GRADIENT * d * np.array([entry.batch for entry in problem.summaries])
    schedule = problem.schedule
    often = schedule.count(experiment.steps) / experiment.steps
    shares = zip(schedule.shares().tolist(), schedule.forms, strict=True)
    summed = np.zeros(len(problem.summaries))
    for share, form in shares:
        if form.support:
            summed += share * np.diff(form.support.offsets)
    nanoseconds = np.array(sampling) + gradient + _NUMBER_OF_A_SUM * often * d * summed
    return np.ceil(1000 * nanoseconds).astype(np.int64)
