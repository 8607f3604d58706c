"""Carrying out W_n on all ranks."""

from typing import Any

import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray

from udsgd_mpi.communication import Average, Mixing, PartialAverage, Schedule, Weights
from udsgd_mpi.layout import Layout, most_copies
from udsgd_mpi.parallel.average_mixing import AverageMixing
from udsgd_mpi.parallel.blocks import Blocks, Sent
from udsgd_mpi.parallel.host_memory import HostMemory
from udsgd_mpi.parallel.neighbours import NeighbourMixing, mix_once
from udsgd_mpi.parallel.waiting import waiting
from udsgd_mpi.rounding import DOUBLE
from udsgd_mpi.stopwatch import Activity, Stopwatch

Floats = NDArray[np.float64]


def blocks_for(
    comm: MPI.Intracomm,
    schedule: Schedule,
    layout: Layout,
    trials: int,
    d: int,
    number: np.dtype[Any] = DOUBLE,
) -> Blocks:
    """Room for a rank's iterates, in memory that its host shares.

    Parameters
    ----------
    number
        Type of the numbers in a message.
    """
    copies = most_copies(schedule, layout, comm.rank)
    rows = len(layout.hosted(comm.rank)) + copies
    memory = HostMemory.shared(comm, rows, trials * d) if comm.size > 1 else None
    return Blocks(layout, comm.rank, copies, trials, d, memory, number)


class Mixer:
    """W of the equation: takes n and the half-steps, and gives θ_n.

    Parameters
    ----------
    steps
        The last step.
    stopwatch
        Learns what time mixing takes.

    Attributes
    ----------
    blocks
        Where θ is.
    messages, bytes_sent
        Given to other ranks so far.
    waited
        Seconds of exchanges so far.
    """

    def __init__(
        self,
        comm: MPI.Intracomm,
        schedule: Schedule,
        blocks: Blocks,
        steps: int,
        stopwatch: Stopwatch | None = None,
    ) -> None:
        self.messages, self.bytes_sent, self.waited = 0, 0, 0.0
        self.stopwatch = stopwatch or Stopwatch()
        self._comm = comm
        self._schedule = schedule
        self.blocks = blocks
        self._times = set(schedule.times(steps).tolist())
        self._average = AverageMixing(comm, blocks)
        planned = [W for W in schedule.planned if isinstance(W, Weights)]
        self._planned = {id(W): NeighbourMixing(comm, W, blocks, planned) for W in planned}

    def __call__(self, n: int, half_steps: Floats) -> Floats:
        """θ_n, shape (agents, trials, d); where n is no aggregation time, the half-steps."""
        self.stopwatch.lap(Activity.GRADIENT)
        if n not in self._times:
            return half_steps
        waited = waiting.seconds
        self.blocks.round_off()
        sent = self._mix(self._schedule.mixing(n))
        self.blocks.restore()
        self.waited += waiting.seconds - waited
        self.count(sent)
        self.stopwatch.lap(Activity.MIXING)
        return self.blocks.theta

    @property
    def constant(self) -> NeighbourMixing | None:
        """The exchange of all aggregations, where it is always one that needs no message."""
        exchange = self._planned.get(id(self._schedule.constant))
        return exchange if exchange and exchange.in_memory else None

    def count(self, sent: Sent, times: int = 1) -> None:
        """Take note of what exchanges gave to other ranks."""
        self.messages += times * sent.messages
        self.bytes_sent += times * sent.bytes

    def _mix(self, W: Mixing) -> Sent:
        if planned := self._planned.get(id(W)):
            planned()
            return planned.sent
        if isinstance(W, Average):
            return self._average.all()
        if isinstance(W, PartialAverage):
            return self._average.partial(W)
        return mix_once(self._comm, W, self.blocks)

    def free(self) -> None:
        """Give what was planned back to MPI."""
        for planned in self._planned.values():
            planned.free()
