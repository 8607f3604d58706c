"""Mixing with neighbours: every half-step goes once to each rank that needs it."""

import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray

from udsgd_mpi.agent_sums import combine
from udsgd_mpi.communication import Weights
from udsgd_mpi.layout import copies_needed
from udsgd_mpi.parallel.blocks import Blocks


class NeighbourMixing:
    """θ^i ← Σ_j w_ij θ^j over the agents of all ranks, planned once.

    Sends and receives are persistent requests, one message for each pair of ranks that share an
    edge; there is a set of them for each of the two buffers of ``blocks``.
    """

    def __init__(self, comm: MPI.Intracomm, weights: Weights, blocks: Blocks) -> None:
        layout, rank = blocks.layout, blocks.rank
        hosted = layout.hosted(rank)
        copies = copies_needed(weights, layout, rank)
        if len(copies) > len(blocks.buffers[0]) - blocks.agents:
            raise ValueError(f"blocks have too few rows for {len(copies)} copies")
        self._blocks = blocks
        self._offsets, self._columns, self._values = _rows(weights, hosted, copies)
        self._types: list[MPI.Datatype] = []
        self._requests: tuple[list[MPI.Prequest], ...] = ([], [])
        for buffer, requests in zip(blocks.buffers, self._requests, strict=True):
            for other in range(layout.ranks):
                if other != rank:
                    wanted = copies_needed(weights, layout, other)
                    self._plan_send(comm, buffer, wanted, hosted, other, requests)
                    self._plan_receive(comm, buffer, copies, other, requests)

    def __call__(self) -> None:
        """Exchange the half-steps and combine them into the other buffer, which becomes θ."""
        blocks = self._blocks
        requests = self._requests[blocks.present]
        if requests:
            MPI.Prequest.Startall(requests)
            MPI.Request.Waitall(requests)
        half_steps = blocks.buffers[blocks.present]
        mixed = blocks.buffers[1 - blocks.present][: blocks.agents]
        combine(self._offsets, self._columns, self._values, half_steps, mixed)
        blocks.present = 1 - blocks.present

    def free(self) -> None:
        """Give the requests and datatypes back to MPI."""
        for request in self._requests[0] + self._requests[1]:
            request.Free()
        for datatype in self._types:
            datatype.Free()

    def _plan_send(
        self,
        comm: MPI.Intracomm,
        buffer: NDArray[np.float64],
        wanted: NDArray[np.int64],
        hosted: range,
        other: int,
        requests: list[MPI.Prequest],
    ) -> None:
        mine = wanted[(wanted >= hosted.start) & (wanted < hosted.stop)] - hosted.start
        if len(mine):
            row = buffer.shape[1]
            rows = MPI.DOUBLE.Create_indexed_block(row, (mine * row).tolist()).Commit()
            self._types.append(rows)
            requests.append(comm.Send_init([buffer, 1, rows], dest=other))

    def _plan_receive(
        self,
        comm: MPI.Intracomm,
        buffer: NDArray[np.float64],
        copies: NDArray[np.int64],
        other: int,
        requests: list[MPI.Prequest],
    ) -> None:
        blocks = self._blocks
        theirs = np.flatnonzero(blocks.layout.host(copies) == other) + blocks.agents
        if len(theirs):
            rows = buffer[theirs[0] : theirs[-1] + 1]
            requests.append(comm.Recv_init([rows, MPI.DOUBLE], source=other))


def _rows(
    weights: Weights, hosted: range, copies: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.float64]]:
    """Rows of W of the hosted agents, with columns renamed to rows of a buffer."""
    first, last = weights.offsets[hosted.start], weights.offsets[hosted.stop]
    place = np.empty(len(weights), dtype=np.int32)
    place[hosted.start : hosted.stop] = np.arange(len(hosted))
    place[copies] = len(hosted) + np.arange(len(copies))
    return (
        weights.offsets[hosted.start : hosted.stop + 1] - first,
        place[weights.columns[first:last]],
        weights.values[first:last],
    )
