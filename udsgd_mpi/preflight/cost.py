"""What a step takes: a rank's own work, done here for a moment, and its messages, by a formula."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import cycle
from time import thread_time
from typing import NamedTuple

import numpy as np

from udsgd_mpi.communication import Layout, Mixing, Schedule, Weights
from udsgd_mpi.engine.exchange_plan import Plan, Reach
from udsgd_mpi.engine.states import mixed_of_run
from udsgd_mpi.forecast.trial_run import TrialRun, block_to_time
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
    plan = _plan(schedule, layout)
    began = thread_time()
    sample = [schedule.mixing(n) for n in schedule.first(_SAMPLE, steps).tolist()]
    for W in {id(W): W for W in sample}.values():  # one that lasts is planned for once
        if plan and isinstance(W, Weights):
            plan.rows_of(W)
            W.wanted(layout, 0)
            W.copies(layout, 0)
    drawing = (thread_time() - began) / max(1, len(sample)) * schedule.count(steps) / steps
    busiest = int(np.argmax(np.add.reduceat(efforts(problem), layout.starts[:-1])))
    # As many ranks at once as there will be: cores share caches, and hardware threads a core.
    threads = min(layout.ranks, cores())
    with ThreadPoolExecutor(threads) as pool:
        work = max(pool.map(lambda _: _work(problem, layout, busiest, sample), range(threads)))
    if any(form.interpreted for form in schedule.forms):
        work += drawing
    return Cost(work, _exchange(problem, layout, sample, network))


def _plan(schedule: Schedule, layout: Layout) -> Plan | None:
    """Of rank 0 for W that are known as a whole, each of which asks for its rows of it."""
    supports = [form.support for form in schedule.forms if form.interpreted and form.support]
    return Plan(supports[0], Reach(supports, layout, 0, {0: 0})) if supports else None


def _exchange(
    problem: Problem, layout: Layout, sample: Sequence[Mixing], network: Network
) -> float:
    schedule, steps = problem.schedule, problem.experiment.steps
    trials, codec = problem.experiment.trials, problem.experiment.codec(problem.d)
    numbers = mixed_of_run(problem.experiment, problem.objective, problem.d)
    ranks = range(layout.ranks)
    total = 0.0
    for W in sample:
        traffic = np.array(
            [
                np.sum([W.traffic(layout, rank, trials * each, codec) for each in numbers], axis=0)
                for rank in ranks
            ]
        )
        total += float((traffic @ [network.message, 1 / network.bandwidth]).max())
    return total / max(1, len(sample)) * schedule.count(steps) / steps


def _work(problem: Problem, layout: Layout, rank: int, sample: Sequence[Mixing]) -> float:
    """Processor seconds a step of a rank's agents, with the others' half-steps at hand."""
    experiment, hosted = problem.experiment, layout.hosted(rank)
    trials = experiment.trials
    elements = trials * sum(mixed_of_run(experiment, problem.objective, problem.d))
    held = len(hosted) + problem.schedule.most_copies(layout, rank)
    length = max(held * elements, layout.agents * (elements // layout.ranks + 1))
    # Ones, since zeros never written to share one page of memory.
    ones = np.ones(length, experiment.numbers)
    mixed = np.zeros((len(hosted), elements), experiment.numbers)
    mixings = cycle([W.work(layout, rank, ones, mixed) for W in sample])
    mix = (lambda _: next(mixings)()) if sample else None
    if problem.objective.takes_turns:
        return _in_turns(problem, hosted, mix)
    agents = [problem.agents[i] for i in hosted]
    block = block_to_time(problem, max(layout.counts), trials)
    return TrialRun(replace(problem, agents=agents), hosted, trials, block, W=mix).step(_SECONDS)


def _in_turns(problem: Problem, hosted: range, mix: Callable[[int], None] | None) -> float:
    """The same where one agent in one trial tells what each takes, but for its mixing.

    A few steps of all could take minutes, and exchanges may be far apart.
    """
    experiment, first, of_agents = problem.experiment, hosted[:1], efforts(problem)[hosted]
    alone = replace(problem, agents=[problem.agents[first.start]])
    one = TrialRun(alone, first, 1, block_to_time(problem, 1, 1))
    work = experiment.trials * float(of_agents.sum() / of_agents[0]) * one.step(_SECONDS)
    if mix:
        others = experiment.trials * len(hosted) - 1
        exchange = TrialRun(alone, first, 1, 1, W=mix).exchange() + others * one.exchange()
        work += exchange * problem.schedule.count(experiment.steps) / experiment.steps
    return work
