"""What a step takes: a rank's own work, done here for a moment, and its messages, by a formula."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from itertools import cycle
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.communication import Mixing, PartialAverage, Weights
from udsgd_mpi.engine.draws import block_length
from udsgd_mpi.engine.placement import Layout, most_copies, rows_wanted
from udsgd_mpi.forecast.trial_run import seconds_a_step
from udsgd_mpi.kernels.agent_sums import combine, mean_of_rows
from udsgd_mpi.preflight.hosting import efforts
from udsgd_mpi.problem import Problem
from udsgd_mpi.support.launcher import cores

_SECONDS = 0.2
_SAMPLE = 20  # aggregations that are looked at


class Network(NamedTuple):
    """Seconds that a message between two ranks takes, and bytes a second beside that."""

    message: float
    bandwidth: float


# As tests/benchmarks/cost.py found them on two ranks of one host.
WITHIN_A_HOST = Network(1e-6, 1e10)


class Cost(NamedTuple):
    """Seconds a step, with a core for each rank.

    Attributes
    ----------
    work
        Sampling, gradients and mixing on the rank with most of them.
    exchange
        Messages of the rank with most of them.
    """

    work: float
    exchange: float


def cost(problem: Problem, layout: Layout, network: Network = WITHIN_A_HOST) -> Cost:
    """Seconds a step of a run on the ranks of a layout, without recording.

    Parameters
    ----------
    problem
        Posed in one process, with all agents.
    """
    schedule, steps = problem.schedule, problem.experiment.steps
    sample = [schedule.mixing(n) for n in schedule.first(_SAMPLE, steps).tolist()]
    busiest = int(np.argmax(np.add.reduceat(efforts(problem), layout.starts[:-1])))
    # As many ranks at once as there will be: cores share caches, and hardware threads a core.
    threads = min(layout.ranks, cores())
    with ThreadPoolExecutor(threads) as pool:
        work = max(pool.map(lambda _: _work(problem, layout, busiest, sample), range(threads)))
    return Cost(work, _exchange(problem, layout, sample, network))


def sent(mixing: Mixing, layout: Layout, rank: int, row: int) -> tuple[int, int]:
    """Messages and bytes that a rank sends to others at an aggregation.

    Parameters
    ----------
    row
        Bytes of an agent's θ in all trials, as it is sent.
    """
    if isinstance(mixing, Weights):
        wanted = rows_wanted(mixing, layout, rank)
        return len(wanted), sum(map(len, wanted.values())) * row
    others = layout.ranks - 1
    messages, handed = 2 * others, 0
    members = np.arange(layout.agents)
    if isinstance(mixing, PartialAverage):
        members = mixing.members
        source, to = layout.host(mixing.entering), layout.host(mixing.leaving)
        handed = int(np.sum((source == rank) & (to != rank)))
    here = int(np.sum(layout.host(members) == rank))
    # A slice of each member's θ goes to each other rank, and the mean of the own slice.
    return messages + handed, row * others * (here + 1) // layout.ranks + handed * row


def _exchange(
    problem: Problem, layout: Layout, sample: Sequence[Mixing], network: Network
) -> float:
    schedule, steps = problem.schedule, problem.experiment.steps
    row = problem.experiment.trials * problem.d
    row *= problem.experiment.communication.number.itemsize
    total = 0.0
    for W in sample:
        traffic = np.array([sent(W, layout, rank, row) for rank in range(layout.ranks)])
        total += float((traffic @ [network.message, 1 / network.bandwidth]).max())
    return total / max(1, len(sample)) * schedule.count(steps) / steps


def _work(problem: Problem, layout: Layout, rank: int, sample: Sequence[Mixing]) -> float:
    """Processor seconds a step of a rank's agents, with the others' half-steps at hand."""
    experiment, hosted = problem.experiment, layout.hosted(rank)
    mixings = cycle(_mixings(problem, layout, rank, sample))
    return seconds_a_step(
        replace(problem, agents=[problem.agents[i] for i in hosted]),
        hosted,
        experiment.trials,
        block_length(max(layout.counts), experiment.trials),
        _SECONDS,
        (lambda _: next(mixings)()) if sample else None,
    )


def _mixings(
    problem: Problem, layout: Layout, rank: int, sample: Sequence[Mixing]
) -> Iterator[Callable[[], None]]:
    """What a rank does for each W, on numbers of its own."""
    schedule, hosted = problem.schedule, layout.hosted(rank)
    elements = problem.experiment.trials * problem.d
    # Ones, as zeros that nobody has written to are one page of memory.
    half_steps = np.ones((len(hosted) + most_copies(schedule, layout, rank), elements))
    slices = np.ones((layout.agents, max(1, elements // layout.ranks)))
    mixed, mean = np.zeros((len(hosted), elements)), np.zeros(elements)

    def average(members: NDArray[np.int64]) -> None:
        mean_of_rows(slices, members, 0, mean[: slices.shape[1]])
        mixed[:] = mean

    for W in sample:
        if isinstance(W, Weights):
            offsets = W.offsets[hosted.start : hosted.stop + 1]
            here = slice(offsets[0], offsets[-1])
            needed, columns = np.unique(W.columns[here], return_inverse=True)
            rows = offsets - offsets[0], columns.astype(np.int32), W.values[here]
            places = np.arange(len(needed)), np.arange(len(hosted))
            yield partial(combine, *rows, *places, half_steps, mixed)
        elif isinstance(W, PartialAverage):
            yield partial(average, W.members)
        else:
            yield partial(average, np.arange(layout.agents))
