"""The average of all agents, with the same bits on any number of ranks."""

import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray

from udsgd_mpi.agent_sums import mean_over_agents
from udsgd_mpi.parallel.blocks import Blocks

Floats = NDArray[np.float64]


class AgentAverage:
    """(1/N) Σ_i θ^i, summed in agent order.

    Each rank sums one slice of the elements over all agents: an all-to-all brings every agent's
    slice there and an all-gather takes the means back, so that an agent's iterate moves once
    each way however many agents there are. ``MPI_Allreduce`` would move no less, and its order
    of summation depends on the number of ranks and on the library.
    """

    def __init__(self, comm: MPI.Intracomm, blocks: Blocks) -> None:
        layout, ranks = blocks.layout, blocks.layout.ranks
        elements = blocks.trials * blocks.d
        edges = np.arange(ranks + 1) * elements // ranks
        widths = np.diff(edges)
        mine = int(widths[blocks.rank])
        self._comm = comm
        self._blocks = blocks
        self._slices = list(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True))
        self._outgoing = np.empty(blocks.agents * elements)
        self._incoming = np.empty((layout.agents, mine))
        self._mean = np.empty(mine)
        self._all = np.empty((blocks.trials, blocks.d))
        self._send = (blocks.agents * widths, blocks.agents * edges[:-1])
        self._receive = (layout.counts * mine, layout.starts[:-1] * mine)
        self._gather = (widths, edges[:-1])

    def __call__(self) -> Floats:
        """The average on every rank, shape (trials, d); the next call overwrites it."""
        blocks = self._blocks
        theta = blocks.theta.reshape(blocks.agents, -1)
        for start, stop in self._slices:
            part = self._outgoing[blocks.agents * start : blocks.agents * stop]
            part.reshape(blocks.agents, stop - start)[:] = theta[:, start:stop]
        self._comm.Alltoallv(
            [self._outgoing, self._send, MPI.DOUBLE], [self._incoming, self._receive, MPI.DOUBLE]
        )
        mean_over_agents(self._incoming, self._mean)
        self._comm.Allgatherv(self._mean, [self._all, self._gather, MPI.DOUBLE])
        return self._all


class AverageMixing:
    """θ^i ← (1/N) Σ_j θ^j: W = J."""

    def __init__(self, comm: MPI.Intracomm, blocks: Blocks) -> None:
        self._average = AgentAverage(comm, blocks)
        self._blocks = blocks

    def __call__(self) -> None:
        """Replace every hosted agent's θ by the average."""
        self._blocks.theta[:] = self._average()

    def free(self) -> None:
        """Nothing is held."""
