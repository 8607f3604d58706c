"""What each form of W knows of itself: its matrix, traffic, contraction and virtual time."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.communication.codecs import Codec
from udsgd_mpi.communication.layout import Layout
from udsgd_mpi.communication.message_times import MessageTimes
from udsgd_mpi.communication.second_moment import SecondMoment
from udsgd_mpi.kernels.agent_sums import combine_in

if TYPE_CHECKING:
    from scipy.sparse import csr_array

    from udsgd_mpi.communication.forms.weights import Weights

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class Traffic(NamedTuple):
    """What a rank gives to others: messages and their bytes, also those in shared memory."""

    messages: int
    bytes: int


class Form(ABC):
    """A recurring W, or a law from which W is drawn at every aggregation.

    Attributes
    ----------
    interpreted
        Whether that is done in Python, which takes longer than mixing.
    """

    interpreted: ClassVar[bool] = False

    @property
    def support(self) -> "Weights | None":
        """Weights on all entries that a W of this form can have; None where it is no sparse sum."""
        return None

    @property
    def doubly_stochastic(self) -> bool:
        """Whether rows of W sum to 1, as its columns do."""
        return True

    @property
    def staleness(self) -> int:
        """How many aggregations ago what agents read may have been made, at most."""
        return 0

    @property
    def lag(self) -> float:
        """(1/N) Σ_{i≠j} w_ij E τ_ij, how many aggregations ago it was made on average."""
        return 0.0

    @abstractmethod
    def at(self, number: int) -> "Mixing":
        """W at an aggregation; the first one has number 1."""

    @abstractmethod
    def second_moment(self, agents: int) -> SecondMoment | None:
        """E[WᵀW]; None where there is no closed form, or W is not doubly stochastic."""

    def served(self, number: int) -> NDArray[np.int64] | None:
        """Agents that hold a server's model after an aggregation, ascending; None: all."""
        return None

    def messages(self, agents: int) -> int | None:
        """How many the agents send each other; None where it depends on the aggregation."""
        return None

    def sent(self, agents: int, begin: int, end: int) -> int:
        """How many they send at the aggregations begin + 1, …, end."""
        return sum(self.at(number).messages(agents) for number in range(begin + 1, end + 1))


class Mixing(Form):
    """W at an aggregation.

    A message is one agent's θ, with what else W mixes. On the virtual clock its sender's link is
    busy with it for a while, and it arrives one latency after it has left, that from its sender to
    its receiver; receivers cause no delay. An agent continues when all of its messages have left
    and all that it needs have arrived.
    """

    def at(self, number: int) -> Self:
        return self

    @abstractmethod
    def matrix(self, agents: int) -> Floats:
        """W, shape (agents, agents)."""

    def sparse(self, agents: int) -> "csr_array":
        """The same as a scipy sparse array."""
        from scipy.sparse import csr_array

        return csr_array(self.matrix(agents))

    @abstractmethod
    def apply(self, half_steps: Floats, mixed: Floats) -> None:
        """Put W half_steps into ``mixed``, both of all agents, shape (agents, elements)."""

    def second_moment(self, agents: int) -> SecondMoment | None:
        if not self.doubly_stochastic:
            return None
        return SecondMoment.of(agents, [(1.0, self.sparse(agents))])

    @abstractmethod
    def messages(self, agents: int) -> int: ...

    @abstractmethod
    def advance(self, now: Floats, messages: MessageTimes) -> None:
        """Move every agent's time (agents,) from the end of its step to that of the exchange."""

    def awaited(self, agents: int) -> "csr_array":
        """For whom each agent waits on the virtual clock: in its row, what is not 0.

        The time after an exchange depends on no others' before it.
        """
        return self.sparse(agents)

    def sent(self, agents: int, begin: int, end: int) -> int:
        return (end - begin) * self.messages(agents)

    def work(self, layout: Layout, rank: int, ones: Floats, mixed: Floats) -> Callable[[], None]:
        """What a rank computes for W, on dummy numbers.

        Parameters
        ----------
        ones
            In place of half-steps.
        mixed
            Receives what W makes of them, shape (hosted agents, elements).
        """
        hosted, (_, elements) = layout.hosted(rank), mixed.shape
        W = self.sparse(layout.agents)[hosted.start : hosted.stop]
        needed, columns = np.unique(W.indices, return_inverse=True)
        rows = W.indptr.astype(np.int64), columns.astype(np.int32), W.data
        half_steps = ones[: len(needed) * elements].reshape(len(needed), elements)
        places = np.arange(len(needed)), np.arange(len(hosted))
        return partial(combine_in(mixed.dtype), *rows, *places, half_steps, mixed)

    @abstractmethod
    def traffic(self, layout: Layout, rank: int, elements: int, codec: Codec) -> Traffic:
        """What a rank gives to others.

        Parameters
        ----------
        elements
            How many numbers an agent's θ has in all trials.
        """
