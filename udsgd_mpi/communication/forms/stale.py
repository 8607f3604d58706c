"""Weights with which agents read what others had some aggregations ago."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Self

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.communication.forms.base import Floats, Integers
from udsgd_mpi.communication.forms.weights import Weights
from udsgd_mpi.communication.layout import Layout
from udsgd_mpi.kernels.agent_sums import combine_in
from udsgd_mpi.kernels.compiled import inlined, kernel
from udsgd_mpi.kernels.random_numbers import Purpose, Word, below, philox

_STALENESS = np.uint64(Purpose.STALENESS)
_32 = np.uint64(32)


@dataclass(frozen=True, eq=False)
class StaleWeights(Weights):
    """W of which an agent reads others' half-steps as they were some aggregations ago.

    θ^i ← w_ii h^i_l + Σ_{j≠i} w_ij h^j_{l−τ} at the l-th aggregation, with the half-steps h^j_l of
    agent j there, and θ_0 for l ≤ 0. Its delay τ = τ_ij(l) is uniform on {0, …, S}, drawn for each
    l and each pair (i, j) by itself, and the same in all trials: a function of (seed, l, i, j).
    What an agent has itself is never stale.

    Every half-step is sent once, when it is made, as without delays.

    Parameters
    ----------
    most
        S.
    """

    most: int
    seed: int

    @classmethod
    def of(cls, W: Weights, most: int, seed: int) -> Self:
        """Of weights of which all that is read is new."""
        return cls(W.offsets, W.columns, W.values, most, seed)

    @property
    def staleness(self) -> int:
        return self.most

    @property
    def lag(self) -> float:
        others = self.columns != self.rows
        return float(self.values[others].sum()) / len(self) * self.most / 2

    def delays(self, number: int) -> Integers:
        """τ of each entry of W at an aggregation, 0 on the diagonal."""
        found = np.empty(len(self.columns), dtype=np.int64)
        draw_delays(number, self.most, self.seed, self.rows, self.columns, found)
        return found

    def work(self, layout: Layout, rank: int, ones: Floats, mixed: Floats) -> Callable[[], None]:
        """Draws, a copy of each half-step that is read, and sums over rows of a history."""
        hosted, (_, elements) = layout.hosted(rank), mixed.shape
        offsets = self.offsets[hosted.start : hosted.stop + 1]
        mine = slice(offsets[0], offsets[-1])
        rows, senders = self.rows[mine], self.columns[mine]
        read, places = np.unique(senders, return_inverse=True)
        length = len(read)
        past = np.ones(((self.most + 1) * length, elements), ones.dtype)
        fresh = ones[: length * elements].reshape(length, elements)
        seen, columns = np.full(len(past), -1), np.empty_like(senders)
        needed = np.empty(len(senders), dtype=np.int64)
        own = offsets - offsets[0], columns, self.values[mine]
        numbers, agents = count(1), np.arange(len(hosted))

        def mix() -> None:
            number = next(numbers)
            of_law = number, self.most, self.seed
            past[:length] = fresh
            found = find_reads(*of_law, rows, senders, places, length, seen, columns, needed)
            combine_in(mixed.dtype)(*own, needed[:found], agents, past, mixed)

        return mix


@inlined
def delay_of(number: int, most: int, seed: Word, i: int, j: int) -> np.int64 | int:
    """τ_ij at an aggregation."""
    if i == j:
        return 0
    w0, w1, _, _ = philox(np.uint64(number), _STALENESS, np.uint64(i), np.uint64(j), seed)
    return below((w0 << _32) | w1, np.uint64(most + 1))


@kernel("void(int64, int64, uint64, int64[::1], int32[::1], int64[::1])")
def draw_delays(
    number: int,
    most: int,
    seed: int,
    rows: Integers,
    columns: NDArray[np.int32],
    out: Integers,
) -> None:
    """τ of some entries of W, of which rows and columns are given."""
    for k in range(len(out)):
        out[k] = delay_of(number, most, seed, rows[k], columns[k])


@kernel(
    "int64(int64, int64, uint64, int64[::1], int32[::1], int64[::1], int64, int64[::1],"
    " int32[::1], int64[::1])"
)
def find_reads(
    number: int,
    most: int,
    seed: int,
    rows: Integers,
    senders: NDArray[np.int32],
    places: Integers,
    length: int,
    seen: Integers,
    columns: NDArray[np.int32],
    needed: Integers,
) -> int:
    """Which rows of a history some entries of W read at an aggregation, and how many these are.

    Parameters
    ----------
    rows, senders
        Agents i and j of each entry.
    places
        Where j is among the ``length`` rows of each aggregation; those of the l-th are in part
        l mod (S + 1).
    seen
        For each row of the history, −1.
    columns, needed
        Receive which of the needed rows each entry reads, and these rows.
    """
    found = 0
    for k in range(len(rows)):
        read = number - delay_of(number, most, seed, rows[k], senders[k])
        row = read % (most + 1) * length + places[k]
        if seen[row] < 0:
            seen[row] = found
            needed[found] = row
            found += 1
        columns[k] = seen[row]
    for k in range(found):
        seen[needed[k]] = -1
    return found
