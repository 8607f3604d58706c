"""Numbers of each agent, on rank 0."""

from typing import Any

import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray

from udsgd_mpi.communication import Layout
from udsgd_mpi.parallel.waiting import waiting


def gather_rows(comm: MPI.Intracomm, layout: Layout, mine: NDArray[Any]) -> NDArray[Any]:
    """Rows of all agents on rank 0, in agent order; none elsewhere.

    Parameters
    ----------
    mine
        Rows of the hosted agents, shape (agents, …).
    """
    agents = layout.agents if comm.rank == 0 else 0
    rows = np.empty((agents, *mine.shape[1:]), mine.dtype)
    counts = np.array(layout.counts) * (mine.size // len(mine))
    with waiting("rank 0"):
        comm.Gatherv(np.ascontiguousarray(mine), [rows, (counts, np.cumsum(counts) - counts)])
    return rows
