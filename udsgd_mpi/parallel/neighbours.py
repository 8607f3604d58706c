"""Mixing with neighbours: every half-step goes once to each rank that needs it, or to none."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray

from udsgd_mpi.communication import Weights
from udsgd_mpi.exchange_plan import Plan, Rows
from udsgd_mpi.layout import copies_needed, rows_wanted
from udsgd_mpi.parallel.blocks import Blocks, Sent
from udsgd_mpi.parallel.waiting import waiting
from udsgd_mpi.rounding import DOUBLE

Floats = NDArray[np.float64]


class NeighbourMixing:
    """θ^i ← Σ_j w_ij θ^j over the agents of all ranks, for a W that comes back: planned once.

    Half-steps of ranks that share memory are read where they are; that a rank has come to the
    exchange says that they are there, and that it has read those of the step before, which are
    about to be overwritten. To other ranks they are sent, one message for each pair of ranks that
    share an edge. Sends and receives are persistent requests; there is a set of them for each of
    the two buffers of ``blocks``. Rows that do not follow each other are copied together first:
    MPI's own datatypes took eight times as long. In single precision all are copied, and what
    arrives too. Agents that exchange with agents hosted here alone are mixed while messages travel.

    Parameters
    ----------
    recurring
        All W that are planned for ``blocks``, this one among them.

    Attributes
    ----------
    near
        Where the counts of ranks are that share memory and half-steps with this one.
    interior, border
        Rows of W of agents that exchange with agents hosted here alone, and of the others.
    sent
        What one exchange gives to other ranks.
    """

    def __init__(
        self,
        comm: MPI.Intracomm,
        weights: Weights,
        blocks: Blocks,
        recurring: Sequence[Weights],
    ) -> None:
        self._blocks = blocks
        self._plan = Plan(weights, blocks.layout, blocks.rank, blocks.memory.first, recurring)
        self.interior, self.border = self._plan.interior, self._plan.border
        near = _partners_in_memory(recurring, blocks)
        self.near = blocks.memory.turns.of(near)
        ranks = sorted({*near, *self._plan.partners})
        self._waiting = f"ranks {', '.join(map(str, ranks))}"
        self.sent = _given(self._plan, blocks)
        length, number = blocks.buffers[0].shape[1], blocks.number
        self._packed = {
            to: np.empty((len(rows), length), number)
            for to, rows in self._plan.sends
            if len(rows) <= np.ptp(rows) or number != DOUBLE
        }
        self._arriving = _room(self._plan, blocks)
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
        """Exchange the half-steps and combine them into the other buffer, which becomes θ."""
        requests = self._requests[self._blocks.present]
        if len(self.near):
            self._blocks.memory.turns.take()
        if requests:
            self._start(requests)
        _combine(self.interior, self._blocks)
        self.finish()

    def finish(self) -> None:
        """What is left of an exchange once the interior is mixed."""
        requests = self._requests[self._blocks.present]
        with waiting(self._waiting):
            if len(self.near):
                # Without it a rank of another host may wait for what was started here.
                progress = partial(MPI.Request.Testall, requests) if requests else None
                self._blocks.memory.turns.wait(self.near, progress)
            if requests:
                MPI.Request.Waitall(requests)
        _unpack(self._arriving, self._plan, self._blocks)
        _combine(self.border, self._blocks)
        self._blocks.present = 1 - self._blocks.present

    @property
    def in_memory(self) -> bool:
        """Whether there is nothing to be sent or received."""
        return not self._requests[0]

    def _start(self, requests: list[MPI.Prequest]) -> None:
        half_steps = self._blocks.buffers[self._blocks.present]
        for to, rows in self._plan.sends:
            if to in self._packed:
                _pack(half_steps, rows, self._packed[to])
        MPI.Prequest.Startall(requests)

    def free(self) -> None:
        """Give the requests back to MPI."""
        for request in self._requests[0] + self._requests[1]:
            request.Free()


def mix_once(comm: MPI.Intracomm, weights: Weights, blocks: Blocks) -> Sent:
    """θ^i ← Σ_j w_ij θ^j for a W that does not come back."""
    memory = blocks.memory.first
    plan = Plan(weights, blocks.layout, blocks.rank, {blocks.rank: memory[blocks.rank]})
    buffer = blocks.buffers[blocks.present]
    going = [buffer[rows].astype(blocks.number, copy=False) for _, rows in plan.sends]
    arriving = _room(plan, blocks)
    requests = [
        comm.Irecv(arriving.get(source, buffer[rows]), source) for source, rows in plan.receives
    ]
    for (to, _), half_steps in zip(plan.sends, going, strict=True):
        requests.append(comm.Isend(half_steps, to))
    _combine(plan.interior, blocks)
    with waiting(f"ranks {', '.join(map(str, plan.partners))}"):
        MPI.Request.Waitall(requests)
    _unpack(arriving, plan, blocks)
    _combine(plan.border, blocks)
    blocks.present = 1 - blocks.present
    return _given(plan, blocks)


def _combine(rows: Rows, blocks: Blocks) -> None:
    rows.combine(blocks.memory.buffers[blocks.present], blocks.buffers[1 - blocks.present])


def _room(plan: Plan, blocks: Blocks) -> dict[int, NDArray[Any]]:
    """For what is received from each rank, unless it is received where it is needed."""
    if blocks.number == DOUBLE:
        return {}
    length = blocks.buffers[0].shape[1]
    return {
        source: np.empty((rows.stop - rows.start, length), blocks.number)
        for source, rows in plan.receives
    }


def _pack(half_steps: Floats, rows: NDArray[np.int64], out: NDArray[Any]) -> None:
    if out.dtype == DOUBLE:  # without a copy between
        np.take(half_steps, rows, axis=0, out=out, mode="clip")
    else:
        out[:] = half_steps[rows]


def _unpack(arriving: Mapping[int, NDArray[Any]], plan: Plan, blocks: Blocks) -> None:
    for source, rows in plan.receives:
        if source in arriving:
            blocks.buffers[blocks.present][rows] = arriving[source]


def _given(plan: Plan, blocks: Blocks) -> Sent:
    return Sent(len(plan.wanted), sum(plan.wanted) * blocks.row_bytes)


def _partners_in_memory(recurring: Sequence[Weights], blocks: Blocks) -> list[int]:
    """Ranks that share memory with this one and read its half-steps, or are read by it."""
    layout, rank = blocks.layout, blocks.rank
    found: set[int] = set()
    for W in recurring:
        found.update(layout.host(copies_needed(W, layout, rank)).tolist())
        found.update(rows_wanted(W, layout, rank))
    return sorted(found & blocks.memory.first.keys())
