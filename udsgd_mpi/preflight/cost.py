"""What a step takes: a rank's own work, done here for a moment, and its messages, by a formula."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from time import thread_time
from typing import NamedTuple

import numpy as np

from udsgd_mpi.communication import Mixing, PartialAverage, Weights
from udsgd_mpi.engine.draws import Draws, block_length
from udsgd_mpi.engine.placement import Layout, rows_wanted
from udsgd_mpi.engine.sgd import unified_distributed_sgd
from udsgd_mpi.preflight.mixing_alone import MixingAlone
from udsgd_mpi.problem import Problem, start_paths
from udsgd_mpi.samplers import Streams
from udsgd_mpi.support.launcher import cores
from udsgd_mpi.theory.step_size import CachedStepSize

_SECONDS = 0.2
_SAMPLE = 20  # aggregations whose messages are counted


class Network(NamedTuple):
    """Seconds that a message between two ranks takes, and bytes a second beside that.

    Attributes
    ----------
    shared
        Whether half-steps are read in memory that the ranks share; then a message says no more
        than that they are there.
    """

    message: float
    bandwidth: float
    shared: bool = False


# As tests/benchmarks/cost.py found them on two ranks of one host.
WITHIN_A_HOST = Network(1e-6, 1e10, shared=True)


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
    make_up: dict[tuple[int, ...], int] = {}
    groups = sorted(problem.experiment.groups)
    for rank in range(layout.ranks):
        hosted = [problem.summaries[i].group for i in layout.hosted(rank)]
        make_up.setdefault(tuple(hosted.count(group) for group in groups), rank)
    # As many ranks at once as there will be: cores share caches, and hardware threads a core.
    threads = min(layout.ranks, cores())
    with ThreadPoolExecutor(threads) as pool:
        ranks = [rank for rank in make_up.values() for _ in range(threads)]
        work = max(pool.map(lambda rank: _work(problem, layout, rank, network), ranks))
    return Cost(work, _exchange(problem, layout, network))


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


def _exchange(problem: Problem, layout: Layout, network: Network) -> float:
    schedule, steps = problem.schedule, problem.experiment.steps
    row = problem.experiment.trials * problem.d
    row *= problem.experiment.communication.number.itemsize
    sample = schedule.first(_SAMPLE, steps).tolist()
    total = 0.0
    for n in sample:
        mixing = schedule.mixing(n)
        traffic = np.array([sent(mixing, layout, rank, row) for rank in range(layout.ranks)])
        total += float((traffic @ [network.message, 1 / network.bandwidth]).max())
    return total / max(1, len(sample)) * schedule.count(steps) / steps


def _work(problem: Problem, layout: Layout, rank: int, network: Network) -> float:
    """Processor seconds a step of a rank's agents, as long as the others' half-steps are at hand.

    The first block of draws warms up; then whole blocks are measured.
    """
    experiment, hosted = problem.experiment, layout.hosted(rank)
    schedule = experiment.communication.start(problem.topology, experiment.seed)
    part = replace(problem, agents=[problem.agents[i] for i in hosted])
    trials, d = experiment.trials, problem.d
    paths = start_paths(part.agents, Streams(experiment.seed, np.array(hosted), trials))
    block = block_length(max(layout.counts), trials)
    last = experiment.steps // block * block + 2 * block
    number = experiment.communication.number
    mixing = MixingAlone(schedule, layout, rank, trials, d, number, shared=network.shared)
    update = mixing.update(experiment.objective, part.points, part.batch)
    measured: list[tuple[int, float]] = []

    def stops() -> Iterator[int]:
        for stop in range(block, last + 1, block):
            yield stop
            measured.append((stop, thread_time()))
            if len(measured) > 1 and measured[-1][1] - measured[0][1] > _SECONDS:
                return

    unified_distributed_sgd(
        Draws(paths, part.first_rows, part.batch, trials, length=block),
        CachedStepSize(experiment.step_size),
        update,
        stops(),
        lambda _: None,
    )
    (first_step, started), (last_step, ended) = measured[0], measured[-1]
    return (ended - started) / (last_step - first_step)
