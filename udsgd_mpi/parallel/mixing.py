"""Carrying out W_n on all ranks."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray

from udsgd_mpi.communication import Average, OnLinks, PartialAverage, Schedule, Weights
from udsgd_mpi.engine.placement import Layout, most_copies
from udsgd_mpi.kernels.rounding import DOUBLE
from udsgd_mpi.parallel.average_mixing import AverageMixing
from udsgd_mpi.parallel.blocks import Blocks, Sent
from udsgd_mpi.parallel.host_memory import HostMemory
from udsgd_mpi.parallel.link_mixing import LinkMixing
from udsgd_mpi.parallel.neighbours import NeighbourMixing
from udsgd_mpi.parallel.waiting import waiting
from udsgd_mpi.support.stopwatch import Activity, Stopwatch

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
    stopwatch
        Learns what time mixing takes.

    Attributes
    ----------
    schedule
        Of the W.
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
        stopwatch: Stopwatch | None = None,
    ) -> None:
        self.messages, self.bytes_sent, self.waited = 0, 0, 0.0
        self.stopwatch = stopwatch or Stopwatch()
        self.schedule = schedule
        self.blocks = blocks
        self._average = AverageMixing(comm, blocks)
        planned = [W for W in schedule.planned if isinstance(W, Weights)]
        self._planned = {id(W): NeighbourMixing(comm, W, blocks, planned) for W in planned}
        self._links = LinkMixing(comm, schedule, blocks) if isinstance(schedule, OnLinks) else None

    def __call__(self, n: int, half_steps: Floats) -> Floats:
        """θ_n, shape (agents, trials, d); where n is no aggregation time, the half-steps."""
        self.stopwatch.lap(Activity.GRADIENT)
        if not self.schedule.aggregates(n):
            return half_steps
        waited = waiting.seconds
        self.blocks.round_off()
        sent = self._mix(n)
        self.blocks.restore()
        self.waited += waiting.seconds - waited
        self.count(sent)
        self.stopwatch.lap(Activity.MIXING)
        return self.blocks.theta

    @property
    def in_memory(self) -> Sequence[NeighbourMixing] | LinkMixing | None:
        """The exchanges of all aggregations, where no W needs a message; None elsewhere."""
        if self._links:
            return self._links if self._links.in_memory else None
        planned = list(self._planned.values())
        alone = len(planned) == len(self.schedule.planned) > 0
        return planned if alone and all(each.in_memory for each in planned) else None

    def count(self, sent: Sent, times: int = 1) -> None:
        """Take note of what exchanges gave to other ranks."""
        self.messages += times * sent.messages
        self.bytes_sent += times * sent.bytes

    def _mix(self, n: int) -> Sent:
        if self._links:
            return self._links(self.schedule.count(n))
        W = self.schedule.mixing(n)
        if planned := self._planned.get(id(W)):
            planned()
            return planned.sent
        if isinstance(W, Average):
            return self._average.all()
        if isinstance(W, PartialAverage):
            return self._average.partial(W)
        message = "W_n that are sparse come back, or are drawn on links"
        raise TypeError(message)

    def free(self) -> None:
        """Give what was planned back to MPI."""
        for planned in self._planned.values():
            planned.free()
