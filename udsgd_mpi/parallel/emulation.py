"""Sleeping for the times of the virtual clock, to test its model on real ranks."""

import time
from collections.abc import Callable
from itertools import islice, repeat

import numpy as np
from mpi4py import MPI

from udsgd_mpi.clock import Clock, computing_times
from udsgd_mpi.communication import Schedule
from udsgd_mpi.parallel.waiting import waiting
from udsgd_mpi.problem import Problem
from udsgd_mpi.support.errors import ConfigurationError


def check_emulation(problem: Problem, ranks: int) -> None:
    """Refuse to sleep where it would be meaningless.

    Raises
    ------
    ConfigurationError
        If there is no clock, or a rank would sleep for several agents.
    """
    if problem.clock is None:
        raise ConfigurationError(
            "--emulate: expected a table [timing], got none; add one, or leave the flag out"
        )
    agents = len(problem.summaries)
    if agents != ranks:
        raise ConfigurationError(
            f"--emulate: expected an agent for each rank, got {agents} agents on {ranks} ranks; use"
            f" mpirun -n {agents}"
        )


class Emulated:
    """W of the equation, after sleeping until local steps took as long as the clock says.

    Then each rank sleeps until, by the clock's rule, all that its agent waits for has arrived. What
    the rule starts from are the times at which agents were ready here, which they tell those that
    wait for them. Real messages are sent beside that; where latencies are 0 and bandwidths
    infinite, there are no others.

    Parameters
    ----------
    comm
        Of ranks with one agent each; collective.
    message
        Bytes of a message.
    n
        Number of updates done.
    """

    _READY = 1  # tag of these times

    def __init__(
        self,
        comm: MPI.Intracomm,
        W: Callable[[int], None],
        schedule: Schedule,
        clock: Clock,
        message: int,
        n: int,
    ) -> None:
        laws = {comm.rank: clock.computing[comm.rank]}
        self._durations = computing_times(laws, clock.seed, n)
        self._comm, self._W, self._schedule = comm, W, schedule
        self._messages = clock.messages(message)
        self._delayed = bool(self._messages.busy.any() or clock.latency.seconds.any())
        self._n = n
        comm.Barrier()
        self._began = time.perf_counter()

    def __call__(self, n: int) -> None:
        active = self._schedule.active(self._n, n)
        taken = repeat(True) if active is None else active[:, self._comm.rank].tolist()
        steps = zip(islice(self._durations, n - self._n), taken, strict=False)
        time.sleep(sum(float(step[0]) for step, is_taken in steps if is_taken))
        self._n = n
        if self._delayed and self._schedule.aggregates(n):
            self._exchange(n)
        else:
            self._W(n)

    def _exchange(self, n: int) -> None:
        mixing, me = self._schedule.mixing(n), self._comm.rank
        pairs = mixing.awaited(self._comm.size).tocoo()
        apart = (pairs.row != pairs.col) & (pairs.data != 0)
        waits, awaited = pairs.row[apart], pairs.col[apart]
        now = np.full(self._comm.size, self._passed())
        ready = now[:1].copy()
        requests = [self._comm.Isend(ready, int(i), self._READY) for i in waits[awaited == me]]
        requests += [
            self._comm.Irecv(now[j : j + 1], int(j), self._READY) for j in awaited[waits == me]
        ]
        self._W(n)
        with waiting("ranks of agents whose messages are awaited"):
            MPI.Request.Waitall(requests)
        mixing.advance(now, self._messages)
        time.sleep(max(0.0, float(now[me]) - self._passed()))

    def _passed(self) -> float:
        return time.perf_counter() - self._began
