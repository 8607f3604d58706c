"""Mixing what is public of θ, of which messages tell what is new."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray

from udsgd_mpi.communication import Traffic, Weights
from udsgd_mpi.engine.exchange_plan import Plan
from udsgd_mpi.engine.public_copies import Messages, PublicCopies
from udsgd_mpi.parallel.exchanges.base import Ranks
from udsgd_mpi.parallel.exchanges.sparse import SparseExchange
from udsgd_mpi.parallel.waiting import waiting

Rows = NDArray[Any]


class CompressedExchange(SparseExchange):
    """x̂^i ← Σ_j w_ij x̂^j for a W that is always the same.

    x̂ of ranks that share memory is read where it is. Of other ranks' agents there are copies here,
    in the rows for copies of half-steps, and messages are what these have to be told.
    """

    def __init__(self, form: Weights, ranks: Ranks) -> None:
        super().__init__(Plan(form, ranks.reach), ranks)
        comm, array = ranks.comm, ranks.array
        if array.public is None:
            message = "expected rows with public copies"
            raise TypeError(message)
        self._public: PublicCopies = array.public
        self._number = 0
        self.traffic = form.traffic(array.layout, array.rank, array.elements, array.codec)
        trials, codec = self._public.values.shape[1], self._public.codec
        self._arriving, self._going = (
            {rank: Messages.room(codec, number, trials) for rank, number in numbers}
            for numbers in (
                ((rank, rows.stop - rows.start) for rank, rows in self._plan.receives),
                ((rank, len(rows)) for rank, rows in self._plan.sends),
            )
        )
        self.persistent = self._requests = [
            *(comm.Recv_init(each.memory, rank) for rank, each in self._arriving.items()),
            *(comm.Send_init(each.memory, rank) for rank, each in self._going.items()),
        ]

    def __call__(self, number: int) -> Traffic:
        self._number = number
        if self._requests:
            for to, rows in self._plan.sends:
                self._public.messages.copy(rows, self._going[to])
            MPI.Prequest.Startall(self._requests)
        self.exchange(self._requests)
        return self.traffic

    def unpack(self) -> None:
        for source, agents, before, now in self._copies():
            now[:] = before
            self._public.hear(self._arriving[source], agents, now, self._number)

    def resume(self) -> None:
        comm = self._comm
        values, copies = self._public.values, [*self._copies()]
        requests = [comm.Irecv(before, source) for source, _, before, _ in copies]
        told = [(to, np.ascontiguousarray(values[rows])) for to, rows in self._plan.sends]
        requests += [comm.Isend(rows, to) for to, rows in told]
        with waiting("ranks of agents that exchange with those here", self._meter):
            MPI.Request.Waitall(requests)

    @property
    def in_memory(self) -> None:
        """What is public is no kernel's."""
        return

    def _copies(self) -> Iterator[tuple[int, NDArray[np.int64], Rows, Rows]]:
        """Of each rank that sends: its agents, and their rows before and at this aggregation.

        Those before are in the other buffer: that W does not change, and so nothing else is ever
        written there.
        """
        shape = -1, *self._public.values.shape[1:]
        for source, rows in self._plan.receives:
            before, now = self._array.mixed[rows], self._array.half_steps[rows]
            yield source, self._plan.copies_in(rows), before.reshape(shape), now.reshape(shape)
