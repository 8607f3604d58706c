"""Simulated seconds and bytes up to every recorded step."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.clock.computing import Computing, computing_times
from udsgd_mpi.communication import Latency, MessageTimes, Schedule

Floats = NDArray[np.float64]

_BLOCK = 2**12  # steps


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
        Bytes that each agent's link takes in a second, shape (agents,).
    """

    seed: int
    computing: Sequence[Computing]
    latency: Latency
    bandwidth: Floats

    def durations(self) -> Iterator[Floats]:
        """Seconds that steps 1, 2, … take the agents, shape (agents,) each."""
        return computing_times(dict(enumerate(self.computing)), self.seed)

    def messages(self, size: int) -> MessageTimes:
        """What messages of so many bytes take."""
        return MessageTimes(size / self.bandwidth, self.latency)


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
    schedule: Schedule,
    clock: Clock | None,
    agents: int,
    message: int,
    steps: NDArray[np.int64],
    check_in: Callable[[], None] = lambda: None,
) -> Elapsed:
    """Let the agents compute and exchange up to the last of ``steps``, which ascend.

    Time goes on agent by agent: a step adds its computing time, and an aggregation lets an agent
    wait for those that it needs (``Mixing.advance``). A step that an agent does not take takes no
    time. One clock holds for all trials.

    Parameters
    ----------
    message
        Bytes of a message.
    check_in
        Is called between pieces of the work, which is long where each W has to be drawn.
    """
    parts = pairwise([0, *steps.tolist()])
    sent = message * np.cumsum([_messages(schedule, agents, n, m, check_in) for n, m in parts])
    if clock is None:
        return Elapsed(None, sent)
    seconds = np.zeros((len(steps), agents))
    rows = {n: row for row, n in enumerate(steps.tolist())}
    for n, now in _passing(schedule, clock, agents, message, int(steps[-1]), check_in):
        if n in rows:
            seconds[rows[n]] = now
    return Elapsed(seconds, sent)


def _passing(
    schedule: Schedule,
    clock: Clock,
    agents: int,
    message: int,
    last: int,
    check_in: Callable[[], None],
) -> Iterator[tuple[int, Floats]]:
    """Steps n = 1, …, last, and when each agent had done it, in one array that changes."""
    now, durations, messages = np.zeros(agents), clock.durations(), clock.messages(message)
    for first, end in _blocks(0, last):
        check_in()
        times = set(schedule.times(first, end).tolist())
        active = schedule.active(first, end)
        for n in range(first + 1, end + 1):
            took = next(durations)
            now += took if active is None else took * active[n - first - 1]
            if n in times:
                schedule.mixing(n).advance(now, messages)
            yield n, now


def steps_in_time(
    schedule: Schedule, clock: Clock, agents: int, message: int, seconds: float, most: int
) -> int:
    """How many steps the slowest agent has done when some seconds have passed, up to ``most``."""
    for n, now in _passing(schedule, clock, agents, message, most, lambda: None):
        if now.max() > seconds:
            return n - 1
    return most


def steps_by_bytes(schedule: Schedule, agents: int, message: int, sent: float, most: int) -> int:
    """After how many steps the agents have sent as many bytes as that at most, up to ``most``."""

    def messages(n: int, m: int) -> int:
        return _messages(schedule, agents, n, m, lambda: None)

    left, n, ahead = sent / message, 0, 1
    while n < most:  # twice as far as long as that is allowed, then half as far
        m = min(n + ahead, most)
        needed = messages(n, m)
        if needed <= left:
            left, n = left - needed, m
            ahead *= 2
        else:
            most = m - 1
            ahead //= 2
    return n


def _messages(schedule: Schedule, agents: int, n: int, m: int, check_in: Callable[[], None]) -> int:
    """How many the agents send each other in (n, m]."""
    begin, end = schedule.count(n), schedule.count(m)
    if len(schedule.forms) == 1:
        form, total = schedule.forms[0], 0
        if form.messages(agents) is not None:
            return form.sent(agents, begin, end)
        for block in _blocks(begin, end):
            check_in()
            total += form.sent(agents, *block)
        return total
    of_each = [form.messages(agents) for form in schedule.forms]
    if None in of_each:
        times = (time for block in _blocks(n, m) for time in schedule.times(*block).tolist())
        return sum(schedule.mixing(time).messages(agents) for time in times)
    if len(set(of_each)) == 1:
        return (end - begin) * int(of_each[0] or 0)
    return int(sum(schedule.uses(*block) @ np.array(of_each) for block in _blocks(n, m)))


def _blocks(n: int, m: int) -> Iterator[tuple[int, int]]:
    """Split (n, m] so that what is asked for all steps of a part is not much."""
    for first in range(n, m, _BLOCK):
        yield first, min(m, first + _BLOCK)
