"""Mixing by averages: of all agents, or of those that take part in a round."""

import numpy as np
from mpi4py import MPI

from udsgd_mpi.communication import Average, PartialAverage, PresentAverage, Rounds, Traffic
from udsgd_mpi.parallel.average import average_of
from udsgd_mpi.parallel.exchanges.base import Exchange, Ranks
from udsgd_mpi.parallel.waiting import waiting


class AverageExchange(Exchange):
    """θ^i ← (1/N) Σ_j θ^j."""

    def __init__(self, form: Average, ranks: Ranks) -> None:
        array = self._array = ranks.array
        self._average = average_of(ranks.comm, array, array.codec, ranks.meter)
        self._traffic = form.traffic(array.layout, array.rank, array.elements, array.codec)

    def __call__(self, number: int) -> Traffic:
        self._array.rows[:] = self._average()
        return self._traffic


class RoundExchange(Exchange):
    """The average over S to the members of S', half-steps of entering agents to leaving ones."""

    def __init__(self, form: PartialAverage | PresentAverage | Rounds, ranks: Ranks) -> None:
        self._form = form
        self._comm, self._array, _, self._meter = ranks
        self._average = average_of(ranks.comm, self._array, self._array.codec, ranks.meter)

    def __call__(self, number: int) -> Traffic:
        W, array = self._form.at(number), self._array
        layout, rank, codec, theta = array.layout, array.rank, array.codec, array.rows
        start = layout.starts[rank]
        mean = self._average(W.members)
        source, to = layout.host(W.entering), layout.host(W.leaving)
        within = (source == rank) & (to == rank)
        handed = theta[W.entering[within] - start]
        requests, arriving = [], []
        for k in np.flatnonzero(((source == rank) | (to == rank)) & ~within).tolist():
            message = codec.room(1, array.elements)
            if source[k] == rank:
                codec.pack(theta, W.entering[k : k + 1] - start, message)
                requests.append(self._comm.Isend(message, to[k]))
            else:
                requests.append(self._comm.Irecv(message, source[k]))
                arriving.append((W.leaving[k] - start, message))
        with waiting("the ranks of agents that enter or leave", self._meter):
            MPI.Request.Waitall(requests)
        theta[W.leaving[within] - start] = handed
        for row, message in arriving:
            codec.unpack(message, theta[row : row + 1])
        theta[W.successors[layout.host(W.successors) == rank] - start] = mean
        return W.traffic(layout, rank, array.elements, codec)
