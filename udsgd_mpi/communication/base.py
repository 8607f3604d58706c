"""What a communication pattern is: when the agents exchange, and with which W."""

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from udsgd_mpi.communication.intervals import AggregationTimes, Interval
from udsgd_mpi.communication.mixing import Mixing
from udsgd_mpi.communication.weights import Weights
from udsgd_mpi.graphs import Graph


class Schedule:
    """The matrices W_n of one run: a pure function of (seed, n), known to every rank.

    n counts the local steps done, so W_n completes the n-th step, n = 1, 2, …; W_n = I unless n
    is an aggregation time.

    Parameters
    ----------
    planned
        The matrices that come back again and again, for which an exchange is worth planning.
    support
        Where W_n is sparse but new each time: weights whose support holds that of every W_n.
    """

    def __init__(
        self,
        interval: Interval,
        *,
        planned: Sequence[Mixing] = (),
        support: Weights | None = None,
    ) -> None:
        self._times = AggregationTimes(interval)
        self.planned = planned
        self.support = support

    def times(self, steps: int) -> NDArray[np.int64]:
        """Aggregation times n_1 < n_2 < … up to ``steps``."""
        return self._times.until(steps)

    @property
    def constant(self) -> Mixing | None:
        """W_n of all aggregation times, where it is always the same."""
        return None

    def mixing(self, n: int) -> Mixing:
        """W_n at an aggregation time; asked for in ascending order of n it costs least."""
        raise NotImplementedError


class InTurn(Schedule):
    """A few matrices in turn: the l-th aggregation takes number (l − 1) mod count."""

    def __init__(self, interval: Interval, planned: Sequence[Mixing]) -> None:
        super().__init__(interval, planned=planned)

    @property
    def constant(self) -> Mixing | None:
        return self.planned[0] if len(self.planned) == 1 else None

    def mixing(self, n: int) -> Mixing:
        return self.planned[(self._times.number(n) - 1) % len(self.planned)]


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

    def start(self, topology: Graph, seed: int) -> Schedule:
        """The schedule on a topology of N agents.

        Raises
        ------
        ConfigurationError
            If the parameters do not fit the number of agents.
        """
        raise NotImplementedError
