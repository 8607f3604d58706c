"""Mixing with neighbours: every half-step goes once to each rank that needs it, or to none."""

from abc import abstractmethod
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray

from udsgd_mpi.communication import Traffic, Weights
from udsgd_mpi.engine.exchange_plan import Plan
from udsgd_mpi.engine.link_plan import LinkPlan
from udsgd_mpi.parallel.exchanges.base import Exchange, Ranks
from udsgd_mpi.parallel.waiting import waiting


class SparseExchange(Exchange):
    """θ^i ← Σ_j w_ij θ^j over the agents of all ranks, for a sparse W.

    Half-steps of ranks that share memory are read where they are; that a rank has come to the
    exchange says that they are there, and that it has read those of the step before, which are
    about to be overwritten. To other ranks they are sent, one message for each pair of ranks that
    share an edge. Agents that exchange with agents hosted here alone are mixed while messages
    travel.

    Attributes
    ----------
    near
        Where the counts of ranks are that share memory and half-steps with this one.
    interior, border
        Rows of W of agents that exchange with agents hosted here alone, and of the others.
    links
        Where links are drawn: the plan for them.
    traffic
        What each exchange gives to other ranks; nothing where that depends on the links.
    """

    links: LinkPlan | None = None
    traffic = Traffic(0, 0)

    def __init__(self, plan: Plan, ranks: Ranks) -> None:
        self._comm, self._array, reach, self._meter = ranks
        self._plan = plan
        self.interior, self.border = plan.interior, plan.border
        self.near = self._array.memory.counters.of(reach.near)
        self._waiting = f"ranks {', '.join(map(str, sorted({*reach.near, *plan.partners})))}"

    @property
    def mixable(self) -> NDArray[Any]:
        """The rows that ``interior`` and ``border`` are over."""
        return self._array.in_memory

    @property
    def in_memory(self) -> "SparseExchange | None":
        return None if self._plan.partners else self

    def exchange(self, requests: Sequence[MPI.Request]) -> None:
        """Combine the half-steps into the other buffer, which becomes θ.

        Parameters
        ----------
        requests
            Messages under way.
        """
        if len(self.near):
            self._array.memory.counters.advance()
        self.interior.combine(self.mixable, self._array.mixed)
        self.finish(requests)

    def finish(self, requests: Sequence[MPI.Request] = ()) -> None:
        """What is left of an exchange once the interior is mixed."""
        with waiting(self._waiting, self._meter):
            if len(self.near):
                # Without it a rank of another host may wait for what was started here.
                progress = partial(MPI.Request.Testall, requests) if requests else None
                self._array.memory.counters.wait(self.near, progress)
            if requests:
                MPI.Request.Waitall(requests)
        self.unpack()
        self.border.combine(self.mixable, self._array.mixed)
        self._array.swap()

    def messages_to_receive(self) -> dict[int, NDArray[Any]]:
        """Memory for what comes from each rank."""
        return {
            source: self._array.codec.room(rows.stop - rows.start, self._array.elements)
            for source, rows in self._plan.receives
        }

    def messages_to_send(self) -> dict[int, NDArray[Any]]:
        """Memory for what goes to each rank."""
        return {
            to: self._array.codec.room(len(rows), self._array.elements)
            for to, rows in self._plan.sends
        }

    @abstractmethod
    def unpack(self) -> None:
        """Put what has arrived where it is needed."""


class NeighbourExchange(SparseExchange):
    """The same for a recurring W.

    Sends and receives are persistent requests; there is a set of them for each of the two buffers.
    Where messages are rows as they are, rows that follow each other are sent from where they are,
    and all are received where they are needed. Others are copied together first: MPI's own
    datatypes took eight times as long.
    """

    def __init__(self, form: Weights, ranks: Ranks) -> None:
        super().__init__(Plan(form, ranks.reach), ranks)
        comm, array = ranks.comm, ranks.array
        exact = array.codec.exact
        self.traffic = form.traffic(array.layout, array.rank, array.elements, array.codec)
        self._going = self.messages_to_send()
        for to, rows in self._plan.sends:
            if exact and len(rows) > np.ptp(rows):
                del self._going[to]
        self._arriving = {} if exact else self.messages_to_receive()
        self._requests: tuple[list[MPI.Prequest], ...] = tuple(
            [
                *(
                    comm.Recv_init(self._arriving.get(source, buffer[rows]), source)
                    for source, rows in self._plan.receives
                ),
                *(
                    comm.Send_init(self._going.get(to, buffer[rows[0] : rows[-1] + 1]), to)
                    for to, rows in self._plan.sends
                ),
            ]
            for buffer in array.buffers
        )
        self.persistent = self._requests[0] + self._requests[1]

    def __call__(self, number: int) -> Traffic:
        requests = self._requests[self._array.present]
        if requests:
            half_steps = self._array.half_steps
            for to, rows in self._plan.sends:
                if to in self._going:
                    self._array.codec.pack(half_steps, rows, self._going[to])
            MPI.Prequest.Startall(requests)
        self.exchange(requests)
        return self.traffic

    def unpack(self) -> None:
        for source, rows in self._plan.receives:
            if source in self._arriving:
                self._array.codec.unpack(self._arriving[source], self._array.half_steps[rows])
