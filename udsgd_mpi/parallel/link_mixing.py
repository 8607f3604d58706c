"""Mixing on links that are there at random: planned once, and of each W what it needs is sent."""

import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray

from udsgd_mpi.communication import OnLinks
from udsgd_mpi.engine.exchange_plan import LinkPlan
from udsgd_mpi.engine.iterates import MixedRows
from udsgd_mpi.parallel.neighbours import SparseMixing, pack, room
from udsgd_mpi.support.meter import Meter

Integers = NDArray[np.int64]


class LinkMixing(SparseMixing):
    """θ^i ← Σ_j w_ij θ^j for weights on the links that are there.

    Every rank draws the links of its agents, and so knows what those that it exchanges with send
    and await. To ranks of other hosts go the half-steps that a link needs which is there, and no
    message where there is none.
    """

    def __init__(
        self, comm: MPI.Intracomm, schedule: OnLinks, blocks: MixedRows, meter: Meter
    ) -> None:
        self._comm = comm
        self.plan = LinkPlan(schedule, blocks.layout, blocks.rank, blocks.memory.first)
        super().__init__(self.plan.whole, blocks, [schedule.support], meter)
        self.interior, self.border = self.plan.interior, self.plan.border
        self._arriving = room(self.plan.whole, blocks)
        self._packed = {
            to: np.empty((len(rows), blocks.elements), blocks.message_dtype)
            for to, rows in self.plan.whole.sends
        }
        self._received: dict[int, Integers] = {}

    def __call__(self, number: int) -> None:
        """Exchange at the aggregation of a number."""
        self.plan.draw(number)
        there = self.plan.drawing.there
        wanted = self.plan.sends.rows(there)
        self.exchange(self._requests(wanted))
        rows = sum(len(some) for some in wanted.values())
        self.meter.sent(len(wanted), rows * self._blocks.row_bytes)

    @property
    def in_memory(self) -> bool:
        return not self.plan.whole.partners

    def _requests(self, wanted: dict[int, Integers]) -> list[MPI.Request]:
        plan = self.plan.whole
        self._received = self.plan.receives.rows(self.plan.drawing.there) if plan.receives else {}
        requests = [
            self._comm.Irecv(self._arriving[source][: len(self._received[source])], source)
            for source, _ in plan.receives
            if source in self._received
        ]
        half_steps = self._blocks.half_steps
        for to, rows in plan.sends:
            if to in wanted:
                going = self._packed[to][: len(wanted[to])]
                pack(half_steps, rows[wanted[to]], going)
                requests.append(self._comm.Isend(going, to))
        return requests

    def unpack(self) -> None:
        present = self._blocks.half_steps
        for source, rows in self.plan.whole.receives:
            if source in self._received:
                some = self._received[source]
                present[rows.start + some] = self._arriving[source][: len(some)]
