"""Counters in shared memory that say which exchange each rank of a host has reached."""

from collections.abc import Callable, Collection
from typing import Any, cast

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from udsgd_mpi.kernels.compiled import inlined, kernel

Counts = NDArray[np.int64]

LOOKS = 1000  # before Python is asked whether there was a signal

APART = 8  # numbers from one rank's count to the next, each in a cache line of its own


class SharedCounters:
    """Which exchange each rank has reached.

    Parameters
    ----------
    counts
        ``APART`` numbers for each rank of the host, 0 at first; the first of them counts.
    places
        Which of them are whose.
    rank
        This one.

    Attributes
    ----------
    mine
        Where this rank's count is.
    """

    def __init__(self, counts: Counts, places: dict[int, int], rank: int) -> None:
        self.counts = counts
        self.mine = places[rank] * APART
        self._places = places

    def of(self, ranks: Collection[int]) -> Counts:
        """Where the counts of some ranks are, as ``wait`` takes it."""
        return np.array([self._places[rank] * APART for rank in ranks], dtype=np.int64)

    def advance(self) -> None:
        """Announce that this rank has reached its next exchange, with all that it wrote before."""
        _take(self.counts, self.mine)

    def wait(self, others: Counts, meanwhile: Callable[[], object] | None = None) -> None:
        """Wait until others have come as far; then all that they wrote before can be read.

        Other processes may use the core while this one waits.

        Parameters
        ----------
        meanwhile
            Is called again and again.
        """
        looks = 1 if meanwhile else LOOKS
        while not _reached(self.counts, self.mine, others, looks):
            if meanwhile:
                meanwhile()


def _store(_context: Any, counts: Any, _i: Any, _turn: Any) -> tuple[Any, Any]:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address = _address(context, builder, signature, arguments)
        builder.store_atomic(arguments[2], address, "release", 8)
        return context.get_dummy_value()

    return types.void(counts, types.int64, types.int64), generate


def _load(_context: Any, counts: Any, _i: Any) -> tuple[Any, Any]:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address = _address(context, builder, signature, arguments)
        return builder.load_atomic(address, "acquire", 8, typ=ir.IntType(64))

    return types.int64(counts, types.int64), generate


def _address(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    array = context.make_array(signature.args[0])(context, builder, arguments[0])
    return builder.gep(array.data, [arguments[1]])


_sched_yield = types.ExternalFunction("sched_yield", types.int32())
_store_release = cast("Callable[[Counts, int, int], None]", intrinsic(_store))
_load_acquire = cast("Callable[[Counts, int], int]", intrinsic(_load))


@inlined
def advance_counter(counts: Counts, mine: int) -> None:
    """``SharedCounters.advance`` for kernels."""
    _store_release(counts, mine, counts[mine] + 1)


@inlined
def others_reached(counts: Counts, mine: int, others: Counts, looks: int) -> bool:
    """Whether others have come as far as this rank, polled at most this many times."""
    turn = counts[mine]
    k = 0
    for _ in range(looks):
        while k < len(others) and _load_acquire(counts, others[k]) >= turn:
            k += 1
        if k == len(others):
            return True
        _sched_yield()
    return False


@kernel("void(int64[::1], int64)")
def _take(counts: Counts, mine: int) -> None:
    advance_counter(counts, mine)


@kernel("boolean(int64[::1], int64, int64[::1], int64)")
def _reached(counts: Counts, mine: int, others: Counts, looks: int) -> bool:
    return bool(others_reached(counts, mine, others, looks))
