"""Mixing with neighbours: every half-step goes once to each rank that needs it."""

import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray

from udsgd_mpi.agent_sums import combine
from udsgd_mpi.communication import Weights
from udsgd_mpi.layout import copies_needed, rows_wanted
from udsgd_mpi.parallel.blocks import Blocks
from udsgd_mpi.parallel.waiting import waiting

Floats = NDArray[np.float64]


class NeighbourMixing:
    """θ^i ← Σ_j w_ij θ^j over the agents of all ranks, for a W that comes back: planned once.

    Sends and receives are persistent requests, one message for each pair of ranks that share an
    edge; there is a set of them for each of the two buffers of ``blocks``. Rows that do not
    follow each other are copied together first: MPI's own datatypes took eight times as long.
    """

    def __init__(self, comm: MPI.Intracomm, weights: Weights, blocks: Blocks) -> None:
        self._blocks = blocks
        self._plan = _Plan(weights, blocks)
        length = blocks.buffers[0].shape[1]
        self._packed = {
            to: np.empty((len(rows), length))
            for to, rows in self._plan.sends
            if len(rows) <= np.ptp(rows)
        }
        self._requests: tuple[list[MPI.Prequest], ...] = tuple(
            [
                *(
                    comm.Send_init(self._packed.get(to, buffer[rows[0] : rows[-1] + 1]), to)
                    for to, rows in self._plan.sends
                ),
                *(comm.Recv_init(buffer[rows], source) for source, rows in self._plan.receives),
            ]
            for buffer in blocks.buffers
        )

    def __call__(self) -> None:
        """Exchange the half-steps and combine them into the other buffer, which becomes θ."""
        requests = self._requests[self._blocks.present]
        if requests:
            half_steps = self._blocks.buffers[self._blocks.present]
            for to, rows in self._plan.sends:
                if to in self._packed:
                    np.take(half_steps, rows, axis=0, out=self._packed[to], mode="clip")
            MPI.Prequest.Startall(requests)
            with waiting(self._plan.partners):
                MPI.Request.Waitall(requests)
        self._plan.combine(self._blocks)

    def free(self) -> None:
        """Give the requests back to MPI."""
        for request in self._requests[0] + self._requests[1]:
            request.Free()


def mix_once(comm: MPI.Intracomm, weights: Weights, blocks: Blocks) -> None:
    """θ^i ← Σ_j w_ij θ^j for a W that does not come back."""
    plan = _Plan(weights, blocks)
    buffer = blocks.buffers[blocks.present]
    going = [np.ascontiguousarray(buffer[rows]) for _, rows in plan.sends]
    requests = [comm.Irecv(buffer[rows], source) for source, rows in plan.receives]
    for (to, _), half_steps in zip(plan.sends, going, strict=True):
        requests.append(comm.Isend(half_steps, to))
    with waiting(plan.partners):
        MPI.Request.Waitall(requests)
    plan.combine(blocks)


class _Plan:
    """What a rank sends and receives for W, and its rows of W over a buffer of ``blocks``."""

    def __init__(self, weights: Weights, blocks: Blocks) -> None:
        layout, rank = blocks.layout, blocks.rank
        hosted = layout.hosted(rank)
        copies = copies_needed(weights, layout, rank)
        wanted = rows_wanted(weights, layout, rank)
        self.sends = [(to, agents - hosted.start) for to, agents in wanted.items()]
        hosts, counts = np.unique(layout.host(copies), return_counts=True)
        ends = len(hosted) + np.cumsum(counts)
        self.receives = [
            (int(source), slice(int(end - count), int(end)))
            for source, count, end in zip(hosts, counts, ends, strict=True)
        ]
        ranks = sorted({*wanted, *hosts.tolist()})
        self.partners = f"ranks {', '.join(map(str, ranks))}"
        first, last = weights.offsets[hosted.start], weights.offsets[hosted.stop]
        place = np.empty(layout.agents, dtype=np.int32)
        place[hosted.start : hosted.stop] = np.arange(len(hosted))
        place[copies] = len(hosted) + np.arange(len(copies))
        self._offsets = weights.offsets[hosted.start : hosted.stop + 1] - first
        self._columns = place[weights.columns[first:last]]
        self._values = weights.values[first:last]

    def combine(self, blocks: Blocks) -> None:
        half_steps = blocks.buffers[blocks.present]
        mixed = blocks.buffers[1 - blocks.present][: blocks.agents]
        combine(self._offsets, self._columns, self._values, half_steps, mixed)
        blocks.present = 1 - blocks.present
