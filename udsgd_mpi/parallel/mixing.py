"""Carrying out W_n on all ranks."""

import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray

from udsgd_mpi.communication import Average, PartialAverage, Schedule, Weights
from udsgd_mpi.layout import Layout, most_copies
from udsgd_mpi.parallel.average import AverageMixing
from udsgd_mpi.parallel.blocks import Blocks
from udsgd_mpi.parallel.host_memory import HostMemory
from udsgd_mpi.parallel.neighbours import NeighbourMixing, mix_once

Floats = NDArray[np.float64]


# Shorter half-steps are in a message as soon as in memory that another rank must be told of.
_WORTH_SHARING = 4096


def blocks_for(
    comm: MPI.Intracomm, schedule: Schedule, layout: Layout, trials: int, d: int
) -> Blocks:
    """Room for a rank's iterates, in memory that its host shares where that is worth it."""
    copies = most_copies(schedule, layout, comm.rank)
    rows, length = len(layout.hosted(comm.rank)) + copies, trials * d
    recurring = any(isinstance(W, Weights) for W in schedule.planned)
    share = recurring and comm.size > 1 and length * np.float64().nbytes >= _WORTH_SHARING
    memory = HostMemory.shared(comm, rows, length) if share else None
    return Blocks(layout, comm.rank, copies, trials, d, memory)


class Mixer:
    """W of the equation: takes n and the half-steps, and gives θ_n.

    Parameters
    ----------
    steps
        The last step.
    """

    def __init__(self, comm: MPI.Intracomm, schedule: Schedule, blocks: Blocks, steps: int) -> None:
        self._comm = comm
        self._schedule = schedule
        self._blocks = blocks
        self._times = set(schedule.times(steps).tolist())
        self._average = AverageMixing(comm, blocks)
        planned = [W for W in schedule.planned if isinstance(W, Weights)]
        self._planned = {id(W): NeighbourMixing(comm, W, blocks, planned) for W in planned}

    def __call__(self, n: int, half_steps: Floats) -> Floats:
        """θ_n, shape (agents, trials, d); where n is no aggregation time, the half-steps."""
        if n not in self._times:
            return half_steps
        W = self._schedule.mixing(n)
        if isinstance(W, Average):
            self._average.all()
        elif isinstance(W, PartialAverage):
            self._average.partial(W)
        elif id(W) in self._planned:
            self._planned[id(W)]()
        else:
            mix_once(self._comm, W, self._blocks)
        return self._blocks.theta

    def free(self) -> None:
        """Give what was planned back to MPI."""
        for planned in self._planned.values():
            planned.free()
