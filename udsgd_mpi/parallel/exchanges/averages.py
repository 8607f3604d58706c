"""Mixing by averages: of all agents, or of those that take part in a round."""

import numpy as np
from mpi4py import MPI

from udsgd_mpi.communication import Average, PartialAverage, Rounds, Traffic
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

    def __init__(self, form: PartialAverage | Rounds, ranks: Ranks) -> None:
        self._form = form
        self._comm, self._array, _, self._meter = ranks
        self._average = average_of(ranks.comm, self._array, self._array.codec, ranks.meter)

    def __call__(self, number: int) -> Traffic:
        W, array = self._form.at(number), self._array
        layout, rank, codec, theta = array.layout, array.rank, array.codec, array.rows
        mean = self._average(W.members)
        hosted = layout.hosted(rank)
        requests, handed = [], {}
        hosts = layout.host(np.array([W.entering, W.leaving])).T.tolist()
        pairs = zip(W.entering.tolist(), W.leaving.tolist(), hosts, strict=True)
        for entering, leaving, (source, to) in pairs:
            if rank not in (source, to):
                continue
            message = handed[leaving] = codec.room(1, array.elements)
            if source == rank:
                codec.pack(theta, np.array([entering - hosted.start]), message)
            if source == rank != to:
                requests.append(self._comm.Isend(message, to))
            elif source != rank:
                requests.append(self._comm.Irecv(message, source))
        with waiting("the ranks of agents that enter or leave", self._meter):
            MPI.Request.Waitall(requests)
        for leaving, message in handed.items():
            if leaving in hosted:
                row = leaving - hosted.start
                codec.unpack(message, theta[row : row + 1])
        theta[W.successors[layout.host(W.successors) == rank] - hosted.start] = mean
        return W.traffic(layout, rank, array.elements, codec)
