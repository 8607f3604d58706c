"""What a step takes: a rank's own work, done here for a moment, and its messages, by a formula."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from time import thread_time
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.agent_sums import combine, mean_over_agents
from udsgd_mpi.communication import Mixing, PartialAverage, Schedule, Weights
from udsgd_mpi.launcher import cores
from udsgd_mpi.layout import Layout, rows_wanted
from udsgd_mpi.problem import Problem
from udsgd_mpi.samplers import Stream
from udsgd_mpi.sgd import Draws, StepByStep, block_length, unified_distributed_sgd
from udsgd_mpi.step_size import Ahead

Floats = NDArray[np.float64]

_DOUBLE = 8
_SECONDS = 0.2
_SAMPLE = 20  # aggregations whose messages are counted


class Network(NamedTuple):
    """Seconds that a message between two ranks takes, and bytes a second beside that."""

    message: float
    bandwidth: float


# Fitted by tests/benchmarks/cost.py on two ranks of one host.
WITHIN_A_HOST = Network(5e-6, 1e10)


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
        hosted = [problem.roster[i].group for i in layout.hosted(rank)]
        make_up.setdefault(tuple(hosted.count(group) for group in groups), rank)
    # As many ranks at once as there will be: cores share caches, and hardware threads a core.
    threads = min(layout.ranks, cores())
    with ThreadPoolExecutor(threads) as pool:
        ranks = [rank for rank in make_up.values() for _ in range(threads)]
        work = max(pool.map(lambda rank: _work(problem, layout, rank), ranks))
    return Cost(work, _exchange(problem, layout, network))


def sent(mixing: Mixing, layout: Layout, rank: int, row: int) -> tuple[int, int]:
    """Messages and bytes that a rank sends to others at an aggregation.

    Parameters
    ----------
    row
        Bytes of an agent's θ in all trials.
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
    row = problem.experiment.trials * len(problem.minimizer) * _DOUBLE
    times = schedule.times(steps)
    total = 0.0
    for n in times[:_SAMPLE].tolist():
        mixing = schedule.mixing(n)
        traffic = np.array([sent(mixing, layout, rank, row) for rank in range(layout.ranks)])
        total += float((traffic @ [network.message, 1 / network.bandwidth]).max())
    return total / max(1, len(times[:_SAMPLE])) * len(times) / steps


def _work(problem: Problem, layout: Layout, rank: int) -> float:
    """Processor seconds a step of a rank's agents, as long as the others' half-steps are at hand.

    The first block of draws warms up; then whole blocks are measured.
    """
    experiment, hosted = problem.experiment, layout.hosted(rank)
    schedule = experiment.communication.start(problem.topology, experiment.seed)
    part = replace(problem, agents=[problem.agents[i] for i in hosted])
    trials, d = experiment.trials, len(problem.minimizer)
    paths = [
        agent.sampler.start(agent.batches, agent.graph, Stream(experiment.seed, i, trials))
        for i, agent in zip(hosted, part.agents, strict=True)
    ]
    block = block_length(max(layout.counts), trials)
    last = experiment.steps // block * block + 2 * block
    W = _MixingAlone(schedule, layout, rank, trials * d)
    times = schedule.times(last)
    measured: list[tuple[int, float]] = []

    def stops() -> Iterator[int]:
        for stop in range(block, last + 1, block):
            yield stop
            measured.append((stop, thread_time()))
            if len(measured) > 1 and measured[-1][1] - measured[0][1] > _SECONDS:
                return

    unified_distributed_sgd(
        np.zeros((len(hosted), trials, d)),
        Draws(paths, part.first_rows, part.batch, trials, length=block),
        Ahead(experiment.step_size),
        StepByStep(experiment.objective, part.points, part.batch, W, times),
        stops(),
        lambda _n, _theta: None,
    )
    (first_step, started), (last_step, ended) = measured[0], measured[-1]
    return (ended - started) / (last_step - first_step)


class _MixingAlone:
    """What W costs a rank without its messages; the half-steps stay as they are."""

    def __init__(self, schedule: Schedule, layout: Layout, rank: int, elements: int) -> None:
        self._schedule = schedule
        self._layout = layout
        self._hosted = layout.hosted(rank)
        self._elements = elements
        self._rows = {id(W): self._rows_of(W) for W in schedule.planned if isinstance(W, Weights)}
        self._mixed = np.zeros((len(self._hosted), elements))

    def __call__(self, n: int, half_steps: Floats) -> Floats:
        self._mix(self._schedule.mixing(n), half_steps.reshape(len(half_steps), -1))
        return half_steps

    def _mix(self, W: Mixing, theta: Floats) -> None:
        if isinstance(W, Weights):
            combine(*(self._rows.get(id(W)) or self._rows_of(W)), self._mixed)
            return
        members = W.members if isinstance(W, PartialAverage) else np.arange(self._layout.agents)
        here = np.intersect1d(members, self._hosted) - self._hosted.start
        np.concatenate([theta[here]])  # gathered, and cut into slices
        incoming = np.ones((len(members), max(1, self._elements // self._layout.ranks)))
        mean_over_agents(incoming, np.empty(incoming.shape[1]))
        self._mixed[:] = theta

    def _rows_of(self, W: Weights) -> "_Rows":
        first, last = W.offsets[self._hosted.start], W.offsets[self._hosted.stop]
        needed, columns = np.unique(W.columns[first:last], return_inverse=True)
        return _Rows(
            W.offsets[self._hosted.start : self._hosted.stop + 1] - first,
            columns.astype(np.int32),
            W.values[first:last],
            np.arange(len(needed)),
            np.arange(len(self._hosted)),
            np.zeros((len(needed), self._elements)),
        )


class _Rows(NamedTuple):
    """A rank's rows of W and half-steps, as ``combine`` takes them."""

    offsets: NDArray[np.int64]
    columns: NDArray[np.int32]
    values: Floats
    needed: NDArray[np.int64]
    rows: NDArray[np.int64]
    half_steps: Floats
