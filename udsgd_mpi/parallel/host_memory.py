"""Memory that the ranks of a host share, so that each reads the others' iterates in place."""

import mmap
import os
import secrets
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from mpi4py import MPI

from udsgd_mpi.communication import Layout, Schedule
from udsgd_mpi.communication.codecs import EXACT, Codec
from udsgd_mpi.engine.host_memory import DOUBLE, HostMemory
from udsgd_mpi.engine.iterates import MixedRows
from udsgd_mpi.kernels.shared_counters import APART

_TOKEN = 16


def shared_rows(
    comm: MPI.Intracomm,
    schedule: Schedule,
    layout: Layout,
    shape: tuple[int, ...],
    codec: Codec = EXACT,
    dtype: np.dtype[Any] = DOUBLE,
) -> MixedRows:
    """Rows of a rank's agents, in memory that its host shares; collective.

    Parameters
    ----------
    shape
        Of what an agent has.
    """
    copies = schedule.most_copies(layout, comm.rank)
    rows = len(layout.hosted(comm.rank)) + copies
    memory = shared_memory(comm, rows, prod(shape), dtype) if comm.size > 1 else None
    others = memory, codec, dtype, schedule.staleness
    return MixedRows(layout, comm.rank, copies, shape, *others)


def shared_memory(
    comm: MPI.Intracomm, rows: int, elements: int, dtype: np.dtype[Any] = DOUBLE
) -> HostMemory:
    """Memory for all ranks of a host; private where they can't share it; collective.

    Parameters
    ----------
    rows
        Length of this rank's section.
    """
    host = comm.Split_type(MPI.COMM_TYPE_SHARED)
    try:
        sections = host.allgather((comm.rank, rows))
        total, counts = sum(rows for _, rows in sections), 2 * APART * host.size
        size = 8 * counts + (2 * total + 1) * elements * dtype.itemsize
        memory = _map(host, size) if host.size > 1 else None
    finally:
        host.Free()
    if memory is None:
        return HostMemory.private(comm.rank, rows, elements, dtype)
    starts = np.cumsum([0, *(rows for _, rows in sections)]).tolist()
    first = {rank: starts[k] for k, (rank, _) in enumerate(sections)}
    told = np.frombuffer(memory, np.int64, counts)
    values = np.frombuffer(memory, dtype, offset=told.nbytes)
    return HostMemory(values, elements, told, first, comm.rank)


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
