"""Memory that the ranks of a host share, so that each reads the others' iterates in place."""

import mmap
import os
import secrets
from pathlib import Path

import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray

from udsgd_mpi.kernels.shared_counters import APART, Counts, SharedCounters

Floats = NDArray[np.float64]

_TOKEN = 16


class HostMemory:
    """Two buffers of rows, a section of both for each rank that reaches them, and a row of all.

    Attributes
    ----------
    buffers
        Shape (rows of all sections, elements) each, zero at first.
    common
        The row of all, shape (elements,).
    first
        First row of the section of each rank.
    counters
        Tell a rank's neighbours of what is in its section.
    meetings
        Tell all ranks.
    """

    def __init__(
        self, memory: Floats, elements: int, counts: Counts, first: dict[int, int], rank: int
    ) -> None:
        rows = (memory.size // elements - 1) // 2
        first_buffer, second_buffer = memory[: 2 * rows * elements].reshape(2, rows, elements)
        self.buffers = (first_buffer, second_buffer)
        self.common = memory[2 * rows * elements :]
        self.first = first
        places = {other: k for k, other in enumerate(first)}
        self.counters, self.meetings = (
            SharedCounters(half, places, rank) for half in counts.reshape(2, len(first) * APART)
        )

    @classmethod
    def private(cls, rank: int, rows: int, elements: int) -> "HostMemory":
        """For one rank alone."""
        counts = np.zeros(2 * APART, dtype=np.int64)
        return cls(np.zeros((2 * rows + 1) * elements), elements, counts, {rank: 0}, rank)

    @classmethod
    def shared(cls, comm: MPI.Intracomm, rows: int, elements: int) -> "HostMemory":
        """For all ranks of a host; private where the host does not let them; collective.

        Parameters
        ----------
        rows
            Length of this rank's section.
        """
        host = comm.Split_type(MPI.COMM_TYPE_SHARED)
        try:
            sections = host.allgather((comm.rank, rows))
            total, counts = sum(rows for _, rows in sections), 2 * APART * host.size
            size = 8 * (counts + (2 * total + 1) * elements)
            memory = _map(host, size) if host.size > 1 else None
        finally:
            host.Free()
        if memory is None:
            return cls.private(comm.rank, rows, elements)
        starts = np.cumsum([0, *(rows for _, rows in sections)]).tolist()
        first = {rank: starts[k] for k, (rank, _) in enumerate(sections)}
        told = np.frombuffer(memory, np.int64, counts)
        return cls(np.frombuffer(memory, offset=told.nbytes), elements, told, first, comm.rank)


def _map(host: MPI.Comm, size: int) -> mmap.mmap | None:
    """The same zeros on all ranks of a host; None on all where one of them can't reach them.

    The kernel keeps them as long as a rank lives and no longer, and they have no name in
    /dev/shm, which containers often make small. Ranks open them through the first rank's entry
    in /proc; a token tells whether that is the same process for all.
    """
    token = secrets.token_bytes(_TOKEN)
    made = None
    memory = None
    try:
        if host.rank == 0:
            made = os.memfd_create("udsgd")
            os.ftruncate(made, size)
            memory = mmap.mmap(made, size)
            memory[:_TOKEN] = token
    except (AttributeError, OSError):  # no Linux, or no such size
        memory = None
    where = host.bcast((os.getpid(), made, token) if memory else None)
    if where and host.rank > 0:
        process, descriptor, token = where
        memory = _open(process, descriptor, token, size)
    reached = host.allreduce(memory is not None, MPI.LAND)
    if host.rank == 0:
        if memory:
            memory[:_TOKEN] = bytes(_TOKEN)
        if made is not None:
            os.close(made)
    host.Barrier()
    return memory if reached else None


def _open(process: int, descriptor: int, token: bytes, size: int) -> mmap.mmap | None:
    try:
        with Path(f"/proc/{process}/fd/{descriptor}").open("r+b") as file:
            memory = mmap.mmap(file.fileno(), size)
    except (OSError, ValueError):
        return None
    return memory if memory[:_TOKEN] == token else None
