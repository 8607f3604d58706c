"""What a communication pattern is: when the agents exchange, and with which W."""

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from udsgd_mpi.communication.intervals import AggregationTimes, Interval
from udsgd_mpi.communication.mixing import Mixing
from udsgd_mpi.communication.second_moment import SecondMoment
from udsgd_mpi.communication.weights import Weights
from udsgd_mpi.graphs import Graph

Integers = NDArray[np.int64]


class Schedule:
    """The matrices W_n of one run: a pure function of (seed, n), known to every rank.

    n counts the local steps done, so W_n completes the n-th step, n = 1, 2, …; W_n = I unless n
    is an aggregation time. No question takes longer, or more memory, than its answer: a run of a
    hundred million steps begins like one of a hundred.

    Attributes
    ----------
    planned
        The matrices that come back again and again, for which an exchange is worth planning.
    support
        Where W_n is sparse but new each time: weights whose support holds that of every W_n.
    """

    planned: Sequence[Mixing] = ()
    support: Weights | None = None

    def __init__(self, interval: Interval) -> None:
        self._times = AggregationTimes(interval)

    def count(self, n: int) -> int:
        """Number of aggregation times up to n."""
        return self._times.number(n)

    def times(self, n: int, m: int) -> Integers:
        """Aggregation times in (n, m], ascending."""
        return self._times.between(n, m)

    def aggregates(self, n: int) -> bool:
        """Whether n is an aggregation time."""
        return self.count(n) > self.count(n - 1)

    def first(self, count: int, last: int) -> Integers:
        """The first aggregation times up to ``last``, at most ``count`` of them."""
        m = min(count, last)
        while m < last and self.count(m) < count:
            m = min(2 * m, last)
        return self.times(0, m)[:count]

    def mixing(self, n: int) -> Mixing:
        """W_n at an aggregation time."""
        raise NotImplementedError

    def second_moment(self, agents: int) -> SecondMoment | None:
        """E[WᵀW] over the aggregations; None where there is no closed form."""
        return None

    def contracts(self, agents: int) -> bool:
        """Whether mixing brings the agents together (Assumption 2.5), unless nothing is known."""
        moment = self.second_moment(agents)
        return moment is None or moment.contracts


class Recurring(Schedule):
    """A few matrices that come back."""

    def __init__(self, interval: Interval, planned: Sequence[Mixing]) -> None:
        super().__init__(interval)
        self.planned = planned

    def which(self, n: int) -> int:
        """Which of the matrices is W_n."""
        raise NotImplementedError

    def order(self, n: int, m: int) -> Integers:
        """``which`` of each aggregation time in (n, m]."""
        return np.array([self.which(time) for time in self.times(n, m).tolist()], dtype=np.int64)

    def uses(self, n: int, m: int) -> Integers:
        """How often each of the matrices is W in (n, m], shape (planned,)."""
        return np.bincount(self.order(n, m), minlength=len(self.planned))

    def mixing(self, n: int) -> Mixing:
        return self.planned[self.which(n)]

    def second_moment(self, agents: int) -> SecondMoment | None:
        shares = self.shares()
        return SecondMoment.of(
            agents,
            [
                (float(share), W.sparse())
                for share, W in zip(shares, self.planned, strict=True)
                if isinstance(W, Weights)
            ],
        )

    def shares(self) -> NDArray[np.float64]:
        """How often each of the matrices is W in the long run, shape (planned,)."""
        return np.full(len(self.planned), 1 / len(self.planned))


class InTurn(Recurring):
    """A few matrices in turn: the l-th aggregation takes number (l − 1) mod count."""

    def which(self, n: int) -> int:
        return (self.count(n) - 1) % len(self.planned)

    def order(self, n: int, m: int) -> Integers:
        first, last = self.count(n), self.count(m)
        if len(self.planned) == 1:
            return np.zeros(last - first, dtype=np.int64)
        return np.arange(first, last) % len(self.planned)


class Pattern(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind"):
    """A communication pattern and its parameters; subclasses are listed in the registry.

    Parameters
    ----------
    precision
        Of the numbers in a message; ``"single"`` halves its bytes, see ``rounding``.
    """

    uses_topology: ClassVar[bool] = True

    precision: Literal["double", "single"] = "double"

    @property
    def number(self) -> np.dtype[Any]:
        """Type of the numbers in a message."""
        return np.dtype(self.precision)

    @property
    def remedy(self) -> str:
        """What to change where mixing does not bring the agents together."""
        return "use another topology"

    def start(self, topology: Graph, seed: int) -> Schedule:
        """The schedule on a topology of N agents.

        Raises
        ------
        ConfigurationError
            If the parameters do not fit the number of agents.
        """
        raise NotImplementedError
