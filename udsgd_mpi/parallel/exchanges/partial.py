"""Mixing where each W needs a part of what a plan can carry."""

from collections.abc import Mapping

import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray

from udsgd_mpi.communication import Traffic
from udsgd_mpi.engine.exchange_plan import Plan
from udsgd_mpi.parallel.exchanges.base import Ranks
from udsgd_mpi.parallel.exchanges.sparse import SparseExchange

Integers = NDArray[np.int64]


class PartialExchange(SparseExchange):
    """θ^i ← Σ_j w_ij θ^j for W that change within a support, which is planned for.

    To ranks of other hosts go the half-steps that the present W needs, and no message where it
    needs none.
    """

    def __init__(self, plan: Plan, ranks: Ranks) -> None:
        super().__init__(plan, ranks)
        self._going, self._arriving = self.messages_to_send(), self.messages_to_receive()
        self._received: Mapping[int, Integers] = {}

    def mix(self, wanted: Mapping[int, Integers], needed: Mapping[int, Integers]) -> Traffic:
        """Carry out the present W, which ``interior`` and ``border`` are of.

        Parameters
        ----------
        wanted, needed
            Of the half-steps that the plan sends to a rank, or receives from it, those that pass
            now; no entry where none do. Those in shared memory are counted alone.
        """
        self._received = needed
        self.exchange(self._started(wanted))
        rows = sum(len(some) for some in wanted.values())
        return Traffic(len(wanted), rows * self._array.row_bytes)

    def _started(self, wanted: Mapping[int, Integers]) -> list[MPI.Request]:
        """Messages under way."""
        half_steps = self._array.half_steps
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
