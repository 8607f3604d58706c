"""Ranks of a host have one memory, or each its own where they can't share any."""

import numpy as np
import pytest
from mpi4py import MPI

from udsgd_mpi.parallel.host_memory import shared_memory

pytestmark = pytest.mark.mpi
COMM = MPI.COMM_WORLD


def test_shared_memory_is_one_memory() -> None:
    memory = shared_memory(COMM, COMM.rank + 1, 5)
    expected = [0] + [1 + rank for rank in range(COMM.size)]
    assert memory.first == dict(enumerate(np.cumsum(expected)[:-1].tolist()))
    for k, buffer in enumerate(memory.buffers):
        assert not buffer[memory.first[COMM.rank] :][: COMM.rank + 1].any()
        buffer[memory.first[COMM.rank] :][: COMM.rank + 1] = 10 * k + COMM.rank
    COMM.Barrier()
    ranks = np.repeat(np.arange(COMM.size), np.arange(1, COMM.size + 1))
    for k, buffer in enumerate(memory.buffers):
        np.testing.assert_array_equal(buffer, np.tile(10 * k + ranks[:, None], 5))


def test_ranks_that_can_not_share_memory_have_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    if COMM.rank == COMM.size - 1:
        monkeypatch.setattr("mmap.mmap", refuse)
    memory = shared_memory(COMM, 3, 5)
    assert memory.first == {COMM.rank: 0}
    assert [buffer.shape for buffer in memory.buffers] == [(3, 5), (3, 5)]


def refuse(*_: object) -> None:
    raise OSError("no such memory")
