"""Simulated seconds and bytes up to every recorded step."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.clock.computing import Computing, computing_times
from udsgd_mpi.clock.exchange import Link, exchange_of
from udsgd_mpi.communication import Schedule

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Clock:
    """What decides the agents' times.

    Attributes
    ----------
    computing
        Law of each agent's computing times.
    latency
        Seconds that a message travels.
    bandwidth
        Bytes that an agent's link takes in a second.
    """

    seed: int
    computing: Sequence[Computing]
    latency: float
    bandwidth: float

    def durations(self) -> Iterator[Floats]:
        """Seconds that steps 1, 2, … take the agents, shape (agents,) each."""
        return computing_times(dict(enumerate(self.computing)), self.seed)

    def link(self, message: int) -> Link:
        """Every agent's link for messages of so many bytes."""
        return Link(message / self.bandwidth, self.latency)


class Elapsed(NamedTuple):
    """What it took to get to the recorded steps.

    Attributes
    ----------
    seconds
        When each agent had its θ^i_n, shape (steps, agents); None without a clock.
    sent
        Bytes that the agents sent each other in one trial, shape (steps,).
    """

    seconds: Floats | None
    sent: NDArray[np.int64]


def elapsed(
    schedule: Schedule, clock: Clock | None, agents: int, message: int, steps: NDArray[np.int64]
) -> Elapsed:
    """Let the agents compute and exchange up to the last of ``steps``, which ascend.

    Time goes on agent by agent: a step adds its computing time, and an aggregation lets an agent
    wait for those that it needs (``clock.exchange``). One clock holds for all trials.

    Parameters
    ----------
    message
        Bytes of a message.
    """
    last = int(steps[-1])
    aggregations = set(schedule.times(last).tolist())
    row = {int(n): k for k, n in enumerate(steps)}
    planned = {id(mixing): exchange_of(mixing, agents) for mixing in schedule.planned}
    now, messages = np.zeros(agents), 0
    seconds, sent = np.zeros((len(steps), agents)), np.zeros(len(steps), dtype=np.int64)
    durations = clock.durations() if clock else None
    link = clock.link(message) if clock else None
    for n in range(1, last + 1):
        if durations:
            now += next(durations)
        if n in aggregations:
            mixing = schedule.mixing(n)
            exchange = planned.get(id(mixing)) or exchange_of(mixing, agents)
            messages += exchange.messages
            if link:
                exchange.advance(now, link)
        if n in row:
            seconds[row[n]], sent[row[n]] = now, messages * message
    return Elapsed(seconds if clock else None, sent)
