"""Memory that the ranks of a host share, so that each reads the others' iterates in place."""

import mmap
import os
import secrets
from pathlib import Path

import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray

from udsgd_mpi.parallel.turns import APART, Turns

Floats = NDArray[np.float64]

_TOKEN = 16


class HostMemory:
    """Two buffers of rows: a section of both for each rank that reaches them.

    Attributes
    ----------
    buffers
        Shape (rows of all sections, elements) each, zero at first.
    first
        First row of the section of each rank.
    turns
        What ranks tell each other of what is in it.
    """

    def __init__(self, buffers: list[Floats], first: dict[int, int], turns: Turns) -> None:
        self.buffers = buffers
        self.first = first
        self.turns = turns

    @classmethod
    def private(cls, rank: int, rows: int, elements: int) -> "HostMemory":
        """For one rank alone."""
        turns = Turns(np.zeros(APART, dtype=np.int64), {rank: 0}, rank)
        return cls([np.zeros((rows, elements)) for _ in range(2)], {rank: 0}, turns)

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
            total, counts = sum(rows for _, rows in sections), APART * host.size
            size = 8 * (counts + 2 * total * elements)
            memory = _map(host, size) if host.size > 1 else None
        finally:
            host.Free()
        if memory is None:
            return cls.private(comm.rank, rows, elements)
        places = {rank: k for k, (rank, _) in enumerate(sections)}
        turns = Turns(np.frombuffer(memory, np.int64, counts), places, comm.rank)
        buffers = np.frombuffer(memory, offset=8 * counts).reshape(2, total, elements)
        starts = np.cumsum([0, *(rows for _, rows in sections)]).tolist()
        return cls(list(buffers), {rank: starts[k] for rank, k in places.items()}, turns)


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
