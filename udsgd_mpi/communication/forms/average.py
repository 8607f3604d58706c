"""The average of all agents."""

from collections.abc import Callable

import numpy as np

from udsgd_mpi.communication.codecs import Codec
from udsgd_mpi.communication.forms.base import Floats, Integers, Mixing, Traffic
from udsgd_mpi.communication.layout import Layout
from udsgd_mpi.communication.message_times import MessageTimes
from udsgd_mpi.communication.second_moment import SecondMoment
from udsgd_mpi.kernels.agent_sums import mean_in, mean_over_agents


class Average(Mixing):
    """W = J = 11ᵀ/N: all agents move to their average.

    On the virtual clock it goes through a tree as soon as the last agent is ready, and all have it
    at the same time, see ``MessageTimes.through_tree``.
    """

    def matrix(self, agents: int) -> Floats:
        return np.full((agents, agents), 1 / agents)

    def apply(self, half_steps: Floats, mixed: Floats) -> None:
        mean_over_agents(half_steps, mixed[0])
        mixed[1:] = mixed[0]

    def second_moment(self, agents: int) -> SecondMoment:
        return SecondMoment.of(agents)

    def messages(self, agents: int) -> int:
        return messages_of_tree(agents)

    def advance(self, now: Floats, messages: MessageTimes) -> None:
        now[:] = now.max() + messages.through_tree(np.arange(len(now)))

    def work(self, layout: Layout, rank: int, ones: Floats, mixed: Floats) -> Callable[[], None]:
        return work_on_slices(np.arange(layout.agents), layout, ones, mixed)

    def traffic(self, layout: Layout, rank: int, elements: int, codec: Codec) -> Traffic:
        return traffic_of_slices(np.arange(layout.agents), layout, rank, elements, codec)


def messages_of_tree(agents: int) -> int:
    """Number of messages that sum all agents up a tree and send their average down."""
    return 2 * (agents - 1)


def traffic_of_slices(
    members: Integers, layout: Layout, rank: int, elements: int, codec: Codec
) -> Traffic:
    """What a rank sends for an average of some agents, of which every rank sums a slice.

    To each other rank go its slice of each member's θ, and the mean of the own slice.
    """
    here = int(np.count_nonzero(layout.host(members) == rank))
    own = (rank + 1) * elements // layout.ranks - rank * elements // layout.ranks
    others = layout.ranks - 1
    numbers = here * (elements - own) + others * own
    return Traffic(2 * others, numbers * codec.dtype.itemsize)


def work_on_slices(
    members: Integers, layout: Layout, ones: Floats, mixed: Floats
) -> Callable[[], None]:
    """What a rank computes for it; see ``Mixing.work``."""
    width = mixed.shape[1] // layout.ranks + 1
    slices = ones[: layout.agents * width].reshape(layout.agents, width)
    mean, mean_of_rows = np.zeros(mixed.shape[1], mixed.dtype), mean_in(mixed.dtype)

    def work() -> None:
        mean_of_rows(slices, members, 0, mean[:width])
        mixed[:] = mean

    return work
