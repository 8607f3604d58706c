"""Averages of some agents: those of a set, and those of sets that are drawn."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from udsgd_mpi.communication.codecs import Codec
from udsgd_mpi.communication.forms.average import (
    messages_of_tree,
    traffic_of_slices,
    work_on_slices,
)
from udsgd_mpi.communication.forms.base import Floats, Form, Integers, Mixing, Traffic
from udsgd_mpi.communication.layout import Layout
from udsgd_mpi.communication.message_times import MessageTimes
from udsgd_mpi.communication.second_moment import SecondMoment
from udsgd_mpi.kernels.agent_sums import mean_of_rows
from udsgd_mpi.kernels.random_numbers import Purpose, generator

if TYPE_CHECKING:
    from scipy.sparse import csr_array


@dataclass(frozen=True, eq=False)
class PartialAverage(Mixing):
    """W = T_{S→S'} W_S: the average over S goes to the members of S', which may differ.

    T is a permutation: an agent that leaves the set takes over the half-step of one that enters
    it, so that W stays doubly stochastic (paper, Appendix F.1). From the server's view this is
    FedAvg with the participants S.

    On the virtual clock the members have a tree of their own; then who enters and who leaves
    exchange a message each: the leaving one sends the average, the entering one its half-step.
    No other agent waits.

    Attributes
    ----------
    members, successors
        S and S', ascending, of one size.
    """

    members: Integers
    successors: Integers

    @cached_property
    def leaving(self) -> Integers:
        """Members that are no successors."""
        return np.setdiff1d(self.members, self.successors)

    @cached_property
    def entering(self) -> Integers:
        """Successors that were no members; the k-th hands its half-step to the k-th leaving."""
        return np.setdiff1d(self.successors, self.members)

    def matrix(self, agents: int) -> Floats:
        W = np.eye(agents)
        W[self.leaving] = W[self.entering]
        W[self.successors] = 0
        W[np.ix_(self.successors, self.members)] = 1 / len(self.members)
        return W

    def apply(self, half_steps: Floats, mixed: Floats) -> None:
        mean = np.empty(mixed.shape[1])
        mean_of_rows(half_steps, self.members, 0, mean)
        mixed[:] = half_steps
        mixed[self.leaving] = half_steps[self.entering]
        mixed[self.successors] = mean

    def messages(self, agents: int) -> int:
        return messages_of_tree(len(self.members)) + 2 * len(self.leaving)

    def advance(self, now: Floats, messages: MessageTimes) -> None:
        now[self.members] = now[self.members].max() + messages.through_tree(self.members)
        i, j, latency = self.leaving, self.entering, messages.latency
        leaving, entering = now[i] + messages.busy[i], now[j] + messages.busy[j]
        now[i] = np.maximum(leaving, entering + latency.between(j, i))
        now[j] = np.maximum(entering, leaving + latency.between(i, j))

    def awaited(self, agents: int) -> "csr_array":
        """Of members all members, as they sum; of those who enter, too, by whom they follow."""
        from scipy.sparse import csr_array

        pairs = np.zeros((agents, agents))
        pairs[np.ix_(self.members, self.members)] = 1
        pairs[np.ix_(self.entering, self.members)] = 1
        pairs[self.leaving, self.entering] = 1
        return csr_array(pairs)

    def work(self, layout: Layout, rank: int, ones: Floats, mixed: Floats) -> Callable[[], None]:
        return work_on_slices(self.members, layout, ones, mixed)

    def traffic(self, layout: Layout, rank: int, elements: int, codec: Codec) -> Traffic:
        average = traffic_of_slices(self.members, layout, rank, elements, codec)
        source, to = layout.host(self.entering), layout.host(self.leaving)
        handed = int(np.count_nonzero((source == rank) & (to != rank)))
        row = codec.row_bytes(elements)
        return Traffic(average.messages + handed, average.bytes + handed * row)


class Rounds(Form):
    """Partial averages with S uniform among the sets of one size; S' of one is S of the next.

    Parameters
    ----------
    participants
        Size of S.
    """

    def __init__(self, participants: int, agents: int, seed: int) -> None:
        self._participants = participants
        self._agents = agents
        self._seed = seed
        self._number, self._next = -1, np.empty(0, dtype=np.int64)  # of the last round

    def at(self, number: int) -> PartialAverage:
        members = self._next if number == self._number + 1 else self._drawn(number)
        self._number, self._next = number, self._drawn(number + 1)
        return PartialAverage(members, self._next)

    def served(self, number: int) -> Integers:
        return self._drawn(number + 1)

    def second_moment(self, agents: int) -> SecondMoment:
        """E[WᵀW] = E[W_S] = c I + (1 − c) J with c = (N − m) / (N − 1)."""
        from scipy.sparse import eye_array

        c = (agents - self._participants) / max(1, agents - 1)
        return SecondMoment.of(agents, rest=c * eye_array(agents, format="csr"))

    def _drawn(self, number: int) -> Integers:
        rng = generator(self._seed, Purpose.MIXING, number)
        return np.sort(rng.choice(self._agents, self._participants, replace=False))
