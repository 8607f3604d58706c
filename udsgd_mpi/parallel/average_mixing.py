"""Mixing by averages: of all agents, or of those that take part in a round."""

import numpy as np
from mpi4py import MPI

from udsgd_mpi.communication import PartialAverage
from udsgd_mpi.engine.iterates import MixedRows
from udsgd_mpi.parallel.average import average_of
from udsgd_mpi.parallel.waiting import waiting
from udsgd_mpi.support.meter import Meter


class AverageMixing:
    """θ^i ← (1/N) Σ_j θ^j, or the same among the participants of a round."""

    def __init__(self, comm: MPI.Intracomm, blocks: MixedRows, meter: Meter) -> None:
        self._comm = comm
        self._meter = meter
        self._average = average_of(comm, blocks, blocks.message_dtype, meter)
        self._blocks = blocks

    def all(self) -> None:
        """W = J."""
        self._blocks.rows[:] = self._average()
        self._count(self._blocks.agents)

    def partial(self, mixing: PartialAverage) -> None:
        """W = T_{S→S'} W_S: the average to S', entering agents' half-steps to leaving ones."""
        layout, rank, theta = self._blocks.layout, self._blocks.rank, self._blocks.rows
        mean = self._average(mixing.members)
        start = layout.starts[rank]
        pairs = list(zip(mixing.entering.tolist(), mixing.leaving.tolist(), strict=True))
        hosts = layout.host(np.array(pairs, dtype=np.int64).reshape(-1, 2)).tolist()
        handed = {
            leaving: (
                theta[entering - start].astype(self._blocks.message_dtype)
                if source == rank
                else np.empty(theta.shape[1], self._blocks.message_dtype)
            )
            for (entering, leaving), (source, to) in zip(pairs, hosts, strict=True)
            if rank in (source, to)
        }
        requests = [
            self._comm.Isend(handed[leaving], to)
            if source == rank
            else self._comm.Irecv(handed[leaving], source)
            for (_, leaving), (source, to) in zip(pairs, hosts, strict=True)
            if source != to and rank in (source, to)
        ]
        with waiting("the ranks of agents that enter or leave", self._meter):
            MPI.Request.Waitall(requests)
        hosted = layout.hosted(rank)
        for leaving, half_step in handed.items():
            if leaving in hosted:
                theta[leaving - start] = half_step
        for agent in mixing.successors.tolist():
            if agent in hosted:
                theta[agent - start] = mean
        self._count(int(np.sum(layout.host(mixing.members) == rank)))
        given = sum(source == rank != to for source, to in hosts)
        self._meter.sent(given, given * self._blocks.row_bytes)

    def _count(self, members: int) -> None:
        """Count what the average of so many members on this rank makes it give to others."""
        layout, rank = self._blocks.layout, self._blocks.rank
        elements = self._blocks.elements
        own = (rank + 1) * elements // layout.ranks - rank * elements // layout.ranks
        others = layout.ranks - 1
        numbers = members * (elements - own) + others * own
        self._meter.sent(2 * others, numbers * self._blocks.message_dtype.itemsize)
