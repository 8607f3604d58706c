"""Carrying out W_n on all ranks."""

from collections.abc import Sequence

from mpi4py import MPI

from udsgd_mpi.communication import Average, OnLinks, PartialAverage, Schedule, Weights
from udsgd_mpi.engine.iterates import MixedRows
from udsgd_mpi.parallel.average_mixing import AverageMixing
from udsgd_mpi.parallel.link_mixing import LinkMixing
from udsgd_mpi.parallel.neighbours import NeighbourMixing
from udsgd_mpi.support.meter import Activity, Meter


class Mixer:
    """W of the equation: takes n, and makes half-steps what aggregation makes of them.

    Parameters
    ----------
    blocks
        Where the half-steps are.
    meter
        Learns what time mixing takes, and what is sent.

    Attributes
    ----------
    schedule
        Of the W.
    """

    def __init__(
        self,
        comm: MPI.Intracomm,
        schedule: Schedule,
        blocks: MixedRows,
        meter: Meter,
    ) -> None:
        self.meter = meter
        self.schedule = schedule
        self.blocks = blocks
        self._average = AverageMixing(comm, blocks, meter)
        planned = [W for W in schedule.planned if isinstance(W, Weights)]
        self._planned = {id(W): NeighbourMixing(comm, W, blocks, planned, meter) for W in planned}
        self._links = None
        if isinstance(schedule, OnLinks):
            self._links = LinkMixing(comm, schedule, blocks, meter)

    def __call__(self, n: int) -> None:
        """Carry out W_n; where n is no aggregation time, nothing."""
        self.meter.lap(Activity.GRADIENT)
        if not self.schedule.aggregates(n):
            return
        self.blocks.round_off()
        self._mix(n)
        self.blocks.restore()
        self.meter.lap(Activity.MIXING)

    @property
    def in_memory(self) -> Sequence[NeighbourMixing] | LinkMixing | None:
        """The exchanges of all aggregations, where no W needs a message; None elsewhere."""
        if self._links:
            return self._links if self._links.in_memory else None
        planned = list(self._planned.values())
        alone = len(planned) == len(self.schedule.planned) > 0
        return planned if alone and all(each.in_memory for each in planned) else None

    def _mix(self, n: int) -> None:
        if self._links:
            self._links(self.schedule.count(n))
            return
        W = self.schedule.mixing(n)
        if planned := self._planned.get(id(W)):
            planned()
        elif isinstance(W, Average):
            self._average.all()
        elif isinstance(W, PartialAverage):
            self._average.partial(W)
        else:
            message = "W_n that are sparse come back, or are drawn on links"
            raise TypeError(message)

    def free(self) -> None:
        """Give what was planned back to MPI."""
        for planned in self._planned.values():
            planned.free()
