"""The average of agents, with the same bits on any number of ranks."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray

from udsgd_mpi.communication import Layout
from udsgd_mpi.communication.codecs import EXACT, Codec
from udsgd_mpi.engine.iterates import MixedRows
from udsgd_mpi.kernels.agent_sums import mean_in, mean_over_agents
from udsgd_mpi.parallel.waiting import waiting
from udsgd_mpi.support.meter import Meter

Floats = NDArray[np.float64]


class AgentAverage:
    """The mean of a row of numbers over agents, summed in agent order.

    Each rank sums one slice of the elements over all agents: an all-to-all brings every agent's
    slice there and an all-gather takes the means back, so that an agent's row moves once
    each way however many agents there are. ``MPI_Allreduce`` would move no less, and its order
    of summation depends on the number of ranks and on the library.

    Parameters
    ----------
    elements
        Length of a row.
    codec
        Of messages; rows and means are of its ``dtype``.
    meter
        Learns how long others are waited for.
    """

    def __init__(
        self,
        comm: MPI.Intracomm,
        layout: Layout,
        elements: int,
        codec: Codec = EXACT,
        meter: Meter | None = None,
    ) -> None:
        self._meter = meter
        self._edges = np.arange(layout.ranks + 1) * elements // layout.ranks
        self._widths = np.diff(self._edges)
        self._comm = comm
        self._layout = layout
        self._all = np.arange(layout.agents)
        self._codec = codec
        self._mean = np.empty(int(self._widths[comm.rank]))
        self._means = np.empty(elements, codec.dtype)

    def __call__(self, hosted: Floats, members: NDArray[np.int64] | None = None) -> Floats:
        """The average of some agents (of all by default) on every rank, shape (elements,).

        The next call overwrites it.

        Parameters
        ----------
        hosted
            Rows of the hosted agents, shape (agents, elements).
        """
        layout, rank, codec = self._layout, self._comm.rank, self._codec
        everybody = members is None
        members = self._all if members is None else members
        counts = np.bincount(layout.host(members), minlength=layout.ranks)
        here = members[layout.host(members) == rank]
        rows = hosted if everybody else hosted[here - layout.starts[rank]]
        outgoing = np.empty(rows.size, codec.dtype)
        for first, last in pairwise(self._edges.tolist()):
            part = outgoing[len(here) * first : len(here) * last].reshape(len(here), last - first)
            part[:] = rows[:, first:last]
        incoming = np.empty((len(members), len(self._mean)), codec.dtype)
        arriving = counts * len(self._mean)
        with waiting("all ranks", self._meter):
            self._comm.Alltoallv(
                [outgoing, (len(here) * self._widths, len(here) * self._edges[:-1])],
                [incoming, (arriving, np.cumsum(arriving) - arriving)],
            )
        mean_over_agents(np.asarray(incoming, np.float64), self._mean)
        mean = codec.numbers(self._mean)
        with waiting("all ranks", self._meter):
            self._comm.Allgatherv(mean, [self._means, (self._widths, self._edges[:-1])])
        return np.asarray(self._means, np.float64)


class AverageInMemory:
    """The same of the present iterates, where all ranks share the memory in which they are.

    Each rank sums one slice of the elements over all agents where they are, into the row of all.
    """

    def __init__(self, array: MixedRows, codec: Codec, meter: Meter | None) -> None:
        self._meter = meter
        memory, layout = array.memory, array.layout
        others = [rank for rank in range(layout.ranks) if rank != array.rank]
        edges = np.arange(layout.ranks + 1) * len(memory.common) // layout.ranks
        self._array = array
        self._codec = codec
        self._others = memory.meetings.of(others)
        self._place = np.concatenate(
            [memory.first[rank] + np.arange(agents) for rank, agents in enumerate(layout.counts)]
        )
        self._start, stop = edges[array.rank : array.rank + 2].tolist()
        self._slice = memory.common[self._start : stop]

    def __call__(self, members: NDArray[np.int64] | None = None) -> Floats:
        """The average of some agents (of all by default) on every rank, shape (elements,).

        The next call overwrites it.
        """
        place = self._place if members is None else self._place[members]
        memory = self._array.memory
        self._meet()
        rows = self._array.in_memory
        mean_in(rows.dtype)(rows, place, self._start, self._slice)
        self._slice[:] = self._codec.numbers(self._slice)
        self._meet()
        return memory.common

    def _meet(self) -> None:
        """A barrier: all writes and reads before it are done on all ranks."""
        meetings = self._array.memory.meetings
        meetings.advance()
        with waiting("all ranks", self._meter):
            meetings.wait(self._others)


def average_of(
    comm: MPI.Intracomm,
    array: MixedRows,
    codec: Codec = EXACT,
    meter: Meter | None = None,
) -> Callable[..., Floats]:
    """The average of the present iterates, a function of the members (all by default).

    Parameters
    ----------
    codec
        Of messages; iterates are of its ``dtype``, and their average is rounded to it.
    meter
        Learns how long others are waited for.
    """
    if len(array.memory.first) == comm.size:
        return AverageInMemory(array, codec, meter)
    average = AgentAverage(comm, array.layout, array.elements, codec, meter)
    return lambda members=None: average(array.rows, members)
