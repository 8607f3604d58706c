"""Ranks of a host load in turn, and compile a share each, whatever the numbers of both."""

import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from mpi4py import MPI

from udsgd_mpi.kernels import compiled
from udsgd_mpi.parallel import loading

pytestmark = pytest.mark.mpi
COMM = MPI.COMM_WORLD


@pytest.mark.parametrize("cores", [1, 2, 3, 8])
@pytest.mark.parametrize("known", [True, False], ids=["compiled before", "to be compiled"])
def test_shares_are_compiled_once_and_no_message_is_left(
    known: bool,
    cores: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The later a rank, the more kernels has its share: those that end early have to wait."""
    folder = TemporaryDirectory() if COMM.rank == 0 else None
    done = Path(COMM.bcast(folder.name if folder else None)) / "complete"
    if known and folder:
        done.touch()
    COMM.Barrier()
    taken: list[tuple[int, int]] = []

    def compile_share(share: int, shares: int, between: Callable[[], None]) -> None:
        taken.append((share, shares))
        for _ in range(3 * share + 1):
            time.sleep(0.01)
            between()

    monkeypatch.setattr(compiled, "all_compiled", lambda: done)
    monkeypatch.setattr(compiled, "compile_share", compile_share)
    order = loading._LoadingOrder(COMM, cores)
    order.wait_for_begin()
    order.tell_change()
    if order.begins:
        loading._compile_together(order)
    order.tell_change()
    begun, left = COMM.allgather(taken), COMM.iprobe(MPI.ANY_SOURCE)
    there = COMM.allgather(done.exists())
    if folder:
        folder.cleanup()
    shares = min(cores, COMM.size)
    expected = [] if known else [[(k, shares)] for k in range(shares)]
    assert [each for each in begun if each] == expected
    assert all(there)
    assert not left
    said = capsys.readouterr().err
    assert ("compiles kernels" in said) == (COMM.rank == 0 and not known)
