"""Mixing on links that fail at random: planned once, then only what each W needs is sent."""

import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray

from udsgd_mpi.communication import OnLinks, Traffic
from udsgd_mpi.engine.link_plan import LinkPlan
from udsgd_mpi.parallel.exchanges.base import Ranks
from udsgd_mpi.parallel.exchanges.sparse import SparseExchange

Integers = NDArray[np.int64]


class LinkExchange(SparseExchange):
    """θ^i ← Σ_j w_ij θ^j for weights on the links that are up.

    Every rank draws the links of its agents, and so knows what those that it exchanges with send
    and await. To ranks of other hosts go the half-steps that a link needs which is there, and no
    message where there is none.
    """

    links: LinkPlan

    def __init__(self, form: OnLinks, ranks: Ranks) -> None:
        self.links = LinkPlan(form, ranks.reach)
        super().__init__(self.links.whole, ranks)
        self.interior, self.border = self.links.interior, self.links.border
        self._going, self._arriving = self.messages_to_send(), self.messages_to_receive()
        self._received: dict[int, Integers] = {}

    def __call__(self, number: int) -> Traffic:
        self.links.draw(number)
        wanted = self.links.sends.rows(self.links.drawing.there)
        self.exchange(self._started(wanted))
        rows = sum(len(some) for some in wanted.values())
        return Traffic(len(wanted), rows * self._array.row_bytes)

    def _started(self, wanted: dict[int, Integers]) -> list[MPI.Request]:
        """Messages under way.

        Parameters
        ----------
        wanted
            Of the half-steps that a rank may need, those that it does.
        """
        links, half_steps = self.links, self._array.half_steps
        self._received = links.receives.rows(links.drawing.there) if self._plan.receives else {}
        requests = [
            self._comm.Irecv(self._arriving[source][: len(self._received[source])], source)
            for source, _ in self._plan.receives
            if source in self._received
        ]
        for to, rows in self._plan.sends:
            if to in wanted:
                going = self._going[to][: len(wanted[to])]
                self._array.codec.pack(half_steps, rows[wanted[to]], going)
                requests.append(self._comm.Isend(going, to))
        return requests

    def unpack(self) -> None:
        codec, half_steps = self._array.codec, self._array.half_steps
        for source, rows in self._plan.receives:
            if source in self._received:
                some = self._received[source]
                arrived = np.empty((len(some), self._array.elements))
                codec.unpack(self._arriving[source][: len(some)], arrived)
                half_steps[rows.start + some] = arrived
