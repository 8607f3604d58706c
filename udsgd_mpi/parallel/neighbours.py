"""Mixing with neighbours: every half-step goes once to each rank that needs it, or to none."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray

from udsgd_mpi.communication import Weights
from udsgd_mpi.engine.exchange_plan import Plan, Rows
from udsgd_mpi.engine.iterates import MixedRows
from udsgd_mpi.engine.placement import copies_needed, rows_wanted
from udsgd_mpi.kernels.rounding import DOUBLE
from udsgd_mpi.parallel.waiting import waiting
from udsgd_mpi.support.meter import Meter

Floats = NDArray[np.float64]


class SparseMixing(ABC):
    """θ^i ← Σ_j w_ij θ^j over the agents of all ranks, for a sparse W.

    Half-steps of ranks that share memory are read where they are; that a rank has come to the
    exchange says that they are there, and that it has read those of the step before, which are
    about to be overwritten. To other ranks they are sent, one message for each pair of ranks that
    share an edge. Agents that exchange with agents hosted here alone are mixed while messages
    travel.

    Parameters
    ----------
    plan
        Whose the partners are.
    recurring
        All W for which half-steps are read in the memory of ``blocks``.

    Attributes
    ----------
    near
        Where the counts of ranks are that share memory and half-steps with this one.
    interior, border
        Rows of W of agents that exchange with agents hosted here alone, and of the others.
    """

    interior: Rows
    border: Rows

    def __init__(
        self, plan: Plan, blocks: MixedRows, recurring: Sequence[Weights], meter: Meter
    ) -> None:
        self._blocks = blocks
        self.meter = meter
        near = _partners_in_memory(recurring, blocks)
        self.near = blocks.memory.counters.of(near)
        ranks = sorted({*near, *plan.partners})
        self._waiting = f"ranks {', '.join(map(str, ranks))}"

    def exchange(self, requests: Sequence[MPI.Request]) -> None:
        """Combine the half-steps into the other buffer, which becomes θ.

        Parameters
        ----------
        requests
            Messages under way.
        """
        if len(self.near):
            self._blocks.memory.counters.advance()
        _combine(self.interior, self._blocks)
        self.finish(requests)

    def finish(self, requests: Sequence[MPI.Request] = ()) -> None:
        """What is left of an exchange once the interior is mixed."""
        with waiting(self._waiting, self.meter):
            if len(self.near):
                # Without it a rank of another host may wait for what was started here.
                progress = partial(MPI.Request.Testall, requests) if requests else None
                self._blocks.memory.counters.wait(self.near, progress)
            if requests:
                MPI.Request.Waitall(requests)
        self.unpack()
        _combine(self.border, self._blocks)
        self._blocks.swap()

    @property
    @abstractmethod
    def in_memory(self) -> bool:
        """Whether there is nothing to be sent or received."""

    @abstractmethod
    def unpack(self) -> None:
        """Put what has arrived where it is needed."""


class NeighbourMixing(SparseMixing):
    """The same for a W that comes back: planned once.

    Sends and receives are persistent requests; there is a set of them for each of the two buffers
    of ``blocks``. Rows that do not follow each other are copied together first: MPI's own datatypes
    took eight times as long. In single precision all are copied, and what arrives too.

    Parameters
    ----------
    recurring
        All W that are planned for ``blocks``, this one among them.

    Attributes
    ----------
    sent
        Messages and bytes that one exchange gives to other ranks.
    """

    def __init__(
        self,
        comm: MPI.Intracomm,
        weights: Weights,
        blocks: MixedRows,
        recurring: Sequence[Weights],
        meter: Meter,
    ) -> None:
        self._plan = Plan(weights, blocks.layout, blocks.rank, blocks.memory.first, recurring)
        super().__init__(self._plan, blocks, recurring, meter)
        self.interior, self.border = self._plan.interior, self._plan.border
        wanted = self._plan.wanted
        self.sent = len(wanted), sum(wanted) * blocks.row_bytes
        length, number = blocks.elements, blocks.message_dtype
        self._packed = {
            to: np.empty((len(rows), length), number)
            for to, rows in self._plan.sends
            if len(rows) <= np.ptp(rows) or number != DOUBLE
        }
        self._arriving = room(self._plan, blocks) if number != DOUBLE else {}
        self._requests: tuple[list[MPI.Prequest], ...] = tuple(
            [
                *(
                    comm.Recv_init(self._arriving.get(source, buffer[rows]), source)
                    for source, rows in self._plan.receives
                ),
                *(
                    comm.Send_init(self._packed.get(to, buffer[rows[0] : rows[-1] + 1]), to)
                    for to, rows in self._plan.sends
                ),
            ]
            for buffer in blocks.buffers
        )

    def __call__(self) -> None:
        """Exchange the half-steps."""
        requests = self._requests[self._blocks.present]
        if requests:
            half_steps = self._blocks.half_steps
            for to, rows in self._plan.sends:
                if to in self._packed:
                    pack(half_steps, rows, self._packed[to])
            MPI.Prequest.Startall(requests)
        self.exchange(requests)
        self.meter.sent(*self.sent)

    @property
    def in_memory(self) -> bool:
        return not self._requests[0]

    def unpack(self) -> None:
        for source, rows in self._plan.receives:
            if source in self._arriving:
                self._blocks.half_steps[rows] = self._arriving[source]

    def free(self) -> None:
        """Give the requests back to MPI."""
        for request in self._requests[0] + self._requests[1]:
            request.Free()


def room(plan: Plan, blocks: MixedRows) -> dict[int, NDArray[Any]]:
    """For what is received from each rank."""
    return {
        source: np.empty((rows.stop - rows.start, blocks.elements), blocks.message_dtype)
        for source, rows in plan.receives
    }


def pack(half_steps: Floats, rows: NDArray[np.int64], out: NDArray[Any]) -> None:
    """Copy rows together, as numbers of the type of ``out``."""
    if out.dtype == DOUBLE:  # without a copy between
        np.take(half_steps, rows, axis=0, out=out, mode="clip")
    else:
        out[:] = half_steps[rows]


def _combine(rows: Rows, blocks: MixedRows) -> None:
    rows.combine(blocks.in_memory, blocks.mixed)


def _partners_in_memory(recurring: Sequence[Weights], blocks: MixedRows) -> list[int]:
    """Ranks that share memory with this one and read its half-steps, or are read by it."""
    layout, rank = blocks.layout, blocks.rank
    found: set[int] = set()
    for W in recurring:
        found.update(layout.host(copies_needed(W, layout, rank)).tolist())
        found.update(rows_wanted(W, layout, rank))
    return sorted(found & blocks.memory.first.keys())
