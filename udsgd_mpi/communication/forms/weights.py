"""Sparse weights."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.communication.codecs import Codec
from udsgd_mpi.communication.forms.base import Floats, Integers, Mixing, Traffic
from udsgd_mpi.communication.layout import Layout
from udsgd_mpi.communication.message_times import MessageTimes
from udsgd_mpi.kernels.agent_sums import combine
from udsgd_mpi.kernels.compiled import kernel

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_ROUNDING = 1e-9  # of the sum of a row


@dataclass(frozen=True, eq=False)
class Weights(Mixing):
    """A sparse W in compressed rows, columns ascending; its columns sum to 1.

    Row i says how agent i combines the half-steps: θ^i ← Σ_k values[k] θ^{columns[k]} over
    offsets[i] ≤ k < offsets[i + 1], itself among them. On the virtual clock an agent waits for
    those with a positive weight in its row. Its own messages share its link and leave side by
    side, so that all are gone at the same time: with what agents j send to so many others,
    t_i ← max(s_i, max over senders j to i of s_j + latency_ji), where s_j = t_j + sends_j busy_j.
    """

    offsets: Integers
    columns: NDArray[np.int32]
    values: Floats

    @classmethod
    def from_entries(cls, n: int, i: Integers, j: Integers, values: Floats) -> "Weights":
        """Weights of n agents from the entries of W; those of one place add up."""
        places, where = np.unique(i * n + j, return_inverse=True)
        rows, columns = np.divmod(places, n)
        offsets = np.searchsorted(rows, np.arange(n + 1)).astype(np.int64)
        return cls(offsets, columns.astype(np.int32), np.bincount(where, values).astype(np.float64))

    @classmethod
    def from_edges(cls, n: int, i: Integers, j: Integers, values: Floats) -> "Weights":
        """Symmetric weights: each edge {i, j} has its value, what is missing is w_ii."""
        given = np.bincount(i, values, n) + np.bincount(j, values, n)
        own = np.maximum(0, 1 - given)  # rounding must not make a weight negative
        rows = np.concatenate([i, j, np.arange(n)])
        columns = np.concatenate([j, i, np.arange(n)])
        return cls.from_entries(n, rows, columns, np.concatenate([values, values, own]))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def rows(self) -> Integers:
        """Row of each value."""
        return np.repeat(np.arange(len(self)), np.diff(self.offsets))

    @cached_property
    def doubly_stochastic(self) -> bool:
        sums = np.bincount(self.rows, self.values, len(self))
        return bool((abs(sums - 1) <= _ROUNDING).all())

    def matrix(self, agents: int) -> Floats:
        W = np.zeros((agents, agents))
        W[self.rows, self.columns] = self.values
        return W

    def sparse(self, agents: int) -> "csr_array":
        from scipy.sparse import csr_array

        return csr_array((self.values, self.columns, self.offsets), shape=(agents, agents))

    def apply(self, half_steps: Floats, mixed: Floats) -> None:
        agents = np.arange(len(self))
        combine(self.offsets, self.columns, self.values, agents, agents, half_steps, mixed)

    @property
    def support(self) -> "Weights":
        return self

    def copies(self, layout: Layout, rank: int) -> Integers:
        """Agents hosted elsewhere whose half-steps a rank needs for its rows, ascending."""
        hosted = layout.hosted(rank)
        first, last = self.offsets[hosted.start], self.offsets[hosted.stop]
        columns = np.unique(self.columns[first:last]).astype(np.int64)
        return columns[(columns < hosted.start) | (columns >= hosted.stop)]

    def wanted(self, layout: Layout, rank: int) -> dict[int, Integers]:
        """For each other rank the agents hosted here whose half-steps it needs, ascending."""
        columns = self.columns.astype(np.int64)
        hosted = layout.hosted(rank)
        hosts = layout.host(self.rows)
        going = (columns >= hosted.start) & (columns < hosted.stop) & (hosts != rank)
        other, agent = np.divmod(np.unique(hosts[going] * len(self) + columns[going]), len(self))
        return {int(to): agent[other == to] for to in np.unique(other)}

    def messages(self, agents: int) -> int:
        return len(self._senders[1])

    def advance(self, now: Floats, messages: MessageTimes) -> None:
        offsets, senders = self._senders
        sends = np.bincount(senders, minlength=len(self))
        latency = messages.latency
        sent = now + sends * messages.busy
        _wait(offsets, senders, sent, latency.region, latency.seconds, now)

    def traffic(self, layout: Layout, rank: int, elements: int, codec: Codec) -> Traffic:
        wanted = self.wanted(layout, rank).values()
        return Traffic(len(wanted), sum(map(len, wanted)) * codec.row_bytes(elements))

    @cached_property
    def _senders(self) -> tuple[Integers, NDArray[np.int32]]:
        """Whom each agent waits for: where they begin, shape (N + 1,), and who they are."""
        rows = self.rows
        needed = (self.values > 0) & (self.columns != rows)
        return np.searchsorted(rows[needed], np.arange(len(self) + 1)), self.columns[needed]


@kernel("void(int64[::1], int32[::1], float64[::1], int64[::1], float64[:, ::1], float64[::1])")
def _wait(
    offsets: Integers,
    senders: NDArray[np.int32],
    sent: Floats,
    region: Integers,
    seconds: Floats,
    now: Floats,
) -> None:
    for i in range(len(now)):
        now[i] = sent[i]
        for k in range(offsets[i], offsets[i + 1]):
            j = senders[k]
            now[i] = max(now[i], sent[j] + seconds[region[j], region[i]])
