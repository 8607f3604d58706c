"""What a communication pattern is: when the agents exchange, and with which W."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from udsgd_mpi.communication.codecs import CODECS, Codec, Compressed, Precision
from udsgd_mpi.communication.compression import AnyCompression
from udsgd_mpi.communication.forms.base import Form, Mixing
from udsgd_mpi.communication.forms.weights import Weights
from udsgd_mpi.communication.intervals import AggregationTimes, Interval
from udsgd_mpi.communication.layout import Layout
from udsgd_mpi.communication.second_moment import SecondMoment
from udsgd_mpi.graphs import Graph
from udsgd_mpi.support.errors import ConfigurationError

Integers = NDArray[np.int64]
Flags = NDArray[np.bool_]


class Schedule(ABC):
    """The matrices W_n of one run: a pure function of (seed, n), known to every rank.

    n counts the local steps done, so W_n completes the n-th step, n = 1, 2, …; W_n = I unless n
    is an aggregation time. No query takes longer, or more memory, than its answer: a run of a
    hundred million steps begins like one of a hundred.

    Attributes
    ----------
    forms
        The forms of W, for each of which an exchange is planned; ``which`` says when it is W.
    """

    def __init__(self, interval: Interval, forms: Sequence[Form]) -> None:
        self._times = AggregationTimes(interval)
        self.forms = forms

    def count(self, n: int) -> int:
        """Number of aggregation times up to n."""
        return self._times.number(n)

    def times(self, n: int, m: int) -> Integers:
        """Aggregation times in (n, m], ascending."""
        return self._times.between(n, m)

    def time(self, number: int) -> int:
        """The step that the aggregation of a number completes; the first one has number 1."""
        return self._times.time(number)

    def active(self, n: int, m: int, agents: Integers | None = None) -> Flags | None:
        """Which agents take the steps n + 1, …, m, shape (m − n, agents); None: all take all.

        Parameters
        ----------
        agents
            Numbers of those that are asked for; by default all.
        """
        return None

    def availability(self, last: int) -> NDArray[np.float64] | None:
        """Share of the steps that each agent takes, shape (agents,); None: all take all.

        In the long run, or of the steps up to ``last`` where there is no long run.
        """
        return None

    def fluctuations(self) -> NDArray[np.float64] | None:
        """Σ_k Cov(a_n, a_{n+k}) of whether each agent takes step n, shape (agents,).

        None where all take all, and where there is no long run. Agents of a pattern's own clocks
        step independently, from step to step and from agent to agent.
        """
        return None

    @property
    def mixes(self) -> bool:
        """Whether there are W at all; there are none where models walk from agent to agent."""
        return True

    @property
    def pauses(self) -> bool:
        """Whether there are steps that some agents do not take."""
        return self.active(0, 1) is not None

    def aggregates(self, n: int) -> bool:
        """Whether n is an aggregation time."""
        return self.count(n) > self.count(n - 1)

    def first(self, count: int, last: int) -> Integers:
        """The first aggregation times up to ``last``, at most ``count`` of them."""
        m = min(count, last)
        while m < last and self.count(m) < count:
            m = min(2 * m, last)
        return self.times(0, m)[:count]

    @abstractmethod
    def which(self, n: int) -> int:
        """Which of the forms W_n has, at an aggregation time."""

    def order(self, n: int, m: int) -> Integers:
        """``which`` of each aggregation time in (n, m]."""
        return np.array([self.which(time) for time in self.times(n, m).tolist()], dtype=np.int64)

    def uses(self, n: int, m: int) -> Integers:
        """How often each of the forms is W's in (n, m], shape (forms,)."""
        return np.bincount(self.order(n, m), minlength=len(self.forms))

    def shares(self) -> NDArray[np.float64]:
        """How often each of the forms is W's in the long run, shape (forms,)."""
        return np.full(len(self.forms), 1 / len(self.forms))

    def mixing(self, n: int) -> Mixing:
        """W_n at an aggregation time."""
        return self.forms[self.which(n)].at(self.count(n))

    def served(self, n: int) -> Integers | None:
        """Agents whose average is a server's model after n steps, ascending; None: all agents."""
        return self.forms[0].served(self.count(n)) if len(self.forms) == 1 else None

    def second_moment(
        self, agents: int, shares: NDArray[np.float64] | None = None
    ) -> SecondMoment | None:
        """E[WᵀW] over the aggregations; None where there is no closed form.

        Parameters
        ----------
        shares
            Of the forms; those in the long run by default.
        """
        moments = [form.second_moment(agents) for form in self.forms]
        known = [moment for moment in moments if moment is not None]
        if len(known) < len(moments):
            return None
        return SecondMoment.mean(self.shares() if shares is None else shares, known)

    @property
    def doubly_stochastic(self) -> bool:
        """Whether rows of every W sum to 1, as its columns do."""
        return all(form.doubly_stochastic for form in self.forms)

    def contracts(self, agents: int) -> bool:
        """Whether mixing leads to consensus (Assumption 2.5), as far as that is known."""
        moment = self.second_moment(agents)
        return moment is None or moment.contracts

    @property
    def staleness(self) -> int:
        """How many aggregations ago what agents read may have been made, at most."""
        return max((form.staleness for form in self.forms), default=0)

    @property
    def supports(self) -> list[Weights]:
        """Of the forms that have one."""
        return [form.support for form in self.forms if form.support]

    def most_copies(self, layout: Layout, rank: int) -> int:
        """Most copies of others' half-steps that a rank needs at once."""
        return max((len(W.copies(layout, rank)) for W in self.supports), default=0)


class InTurn(Schedule):
    """Forms in cyclic order: the l-th aggregation takes number (l − 1) mod count."""

    def which(self, n: int) -> int:
        return (self.count(n) - 1) % len(self.forms)

    def order(self, n: int, m: int) -> Integers:
        return np.arange(self.count(n), self.count(m)) % len(self.forms)

    def uses(self, n: int, m: int) -> Integers:
        k = np.arange(len(self.forms))
        before, after = (-(-(self.count(step) - k) // len(k)) for step in (n, m))
        return np.asarray(after - before)


class Pattern(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind"):
    """A communication pattern and its parameters; subclasses are listed in the registry.

    Parameters
    ----------
    precision
        Of the numbers in a message; ``"single"`` halves its bytes, see ``codecs``.
    compression
        Of messages, such as ``"top_k"``, where W is always the same; see ``compression``.

    Attributes
    ----------
    takes_directed
        Whether there are weights of it on directed topologies.
    """

    takes_directed: ClassVar[bool] = False

    precision: Precision = "double"
    compression: AnyCompression | None = None

    def codec(self, d: int) -> Codec:
        """How half-steps are put into messages.

        Parameters
        ----------
        d
            Number of parameters.
        """
        codec = CODECS[self.precision]
        return Compressed(self.compression, d, codec.dtype) if self.compression else codec

    @property
    def remedy(self) -> str:
        """What to change where mixing does not lead to consensus."""
        return "use another topology"

    def check_topology(self, topology: Graph) -> None:
        """Refuse a directed topology where agents tell those whom they hear.

        Raises
        ------
        ConfigurationError
            Names the pattern and the method that take it.
        """
        if topology.directed and not self.takes_directed:
            raise ConfigurationError(
                f"communication {self.__struct_config__.tag}: expected an undirected topology, on"
                " which agents tell those whom they hear, got a directed one; use communication ="
                ' { kind = "dsgd", weights = "out_degree" } and method = "push_sum", or an'
                " undirected topology"
            )

    def start(self, topology: Graph, seed: int) -> Schedule:
        """The schedule on a topology of N agents, after ``check_topology``.

        Raises
        ------
        ConfigurationError
            If the parameters do not fit the number of agents.
        """
        raise NotImplementedError
