"""When all ranks save their state or stop, at one step for all."""

import time
from collections.abc import Callable, Iterable, Iterator
from enum import IntEnum
from typing import NamedTuple

import numpy as np
from mpi4py import MPI

from udsgd_mpi.parallel.waiting import waiting

_SECONDS_BETWEEN_LOOKS = 0.2


class Action(IntEnum):
    """What the ranks agree on; where they differ, the largest counts."""

    GO_ON = 0
    SAVE = 1
    STOP = 2


class Policy(NamedTuple):
    """When a run saves its state, and when it stops before its last step.

    Attributes
    ----------
    every_seconds, every_steps
        Time or steps from one checkpoint to the next; None: no such checkpoints.
    deadline
        On the clock of ``time.monotonic``; None: no deadline.
    stop_requested
        Whether this rank was asked to stop.
    """

    every_seconds: float | None = None
    every_steps: int | None = None
    deadline: float | None = None
    stop_requested: Callable[[], bool] = lambda: False


class Control:
    """The agreement of all ranks, a few times a second.

    Rank 0 has the clock and says at which step to look next; any rank may be asked to stop.
    """

    def __init__(self, comm: MPI.Intracomm, policy: Policy, n: int = 0) -> None:
        self._comm = comm
        self._policy = policy
        self._looked, self._saved = time.monotonic(), time.monotonic()
        self._saving = 0.0
        self._n = n
        self._gap = 1
        self.next = n + 1
        self.stopped = False

    def __call__(self, n: int) -> Action:
        """What is to be done at step n; collective."""
        mine = np.array([self._wish(n), self._next_look(n)], dtype=np.int64)
        with waiting("all ranks"):
            self._comm.Allreduce(MPI.IN_PLACE, mine, MPI.MAX)
        action, self.next = Action(int(mine[0])), int(mine[1])
        self.stopped = action == Action.STOP
        return action

    def saved(self, seconds: float) -> None:
        """Note that a checkpoint was written, and how long it took."""
        self._saved, self._saving = time.monotonic(), seconds

    def stops(self, scheduled: Iterable[int]) -> Iterator[int]:
        """The remaining stops: scheduled ones and the looks between them, until all stop."""
        for stop in scheduled:
            while self.next < stop and not self.stopped:
                yield self.next
            if self.stopped:
                return
            yield stop

    def _wish(self, n: int) -> Action:
        policy = self._policy
        now = time.monotonic()
        if policy.stop_requested():
            return Action.STOP
        if policy.every_steps and n % policy.every_steps == 0:
            return Action.SAVE
        if self._comm.rank > 0:
            return Action.GO_ON
        if policy.deadline and now + 2 * self._saving + _SECONDS_BETWEEN_LOOKS > policy.deadline:
            return Action.STOP
        if policy.every_seconds and now - self._saved > policy.every_seconds:
            return Action.SAVE
        return Action.GO_ON

    def _next_look(self, n: int) -> int:
        if self._comm.rank > 0:
            return 0
        now = time.monotonic()
        if n > self._n:
            pace = (now - self._looked) / (n - self._n)
            wished = int(_SECONDS_BETWEEN_LOOKS / max(pace, 1e-9))
            self._gap = max(1, min(2 * self._gap, wished))
        self._looked, self._n = now, n
        following = n + self._gap
        if self._policy.every_steps:
            following = min(
                following, (n // self._policy.every_steps + 1) * self._policy.every_steps
            )
        return following
