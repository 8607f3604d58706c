"""What a communication pattern is: when the agents exchange, and with which W."""

from collections.abc import Sequence
from typing import Annotated, ClassVar, Protocol

import numpy as np
from msgspec import Meta, Struct
from numpy.typing import NDArray

from udsgd_mpi.communication.weights import Weights
from udsgd_mpi.graphs import Graph


class Average:
    """W = J = 11ᵀ/N: all agents move to their average."""


Mixing = Weights | Average


class Schedule(Protocol):
    """The matrices W_n of one run: a pure function of (seed, n), known to every rank.

    n counts the local steps done, so W_n completes the n-th step, n = 1, 2, …; W_n = I unless n
    is an aggregation time.
    """

    def times(self, steps: int) -> NDArray[np.int64]:
        """Aggregation times n_1 < n_2 < … up to ``steps``."""

    def mixing(self, n: int) -> Mixing:
        """W_n at an aggregation time: one of ``distinct``."""

    @property
    def distinct(self) -> Sequence[Mixing]:
        """All matrices that can come up."""


class Pattern(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind"):
    """A communication pattern and its parameters; subclasses are listed in the registry.

    Parameters
    ----------
    interval
        K, the number of local steps between aggregations.
    """

    interval: Annotated[int, Meta(ge=1)] = 1
    uses_topology: ClassVar[bool]

    def start(self, topology: Graph, seed: int) -> Schedule:
        """The schedule on a topology of N agents."""
        raise NotImplementedError


class EveryInterval:
    """The same W every K steps."""

    def __init__(self, mixing: Mixing, interval: int) -> None:
        self._mixing = mixing
        self._interval = interval

    def times(self, steps: int) -> NDArray[np.int64]:
        return np.arange(self._interval, steps + 1, self._interval, dtype=np.int64)

    def mixing(self, n: int) -> Mixing:
        return self._mixing

    @property
    def distinct(self) -> Sequence[Mixing]:
        return (self._mixing,)


def matrix(schedule: Schedule, n: int, agents: int) -> NDArray[np.float64]:
    """W_n as a dense array, shape (N, N): for tests and theory."""
    if n not in schedule.times(n):
        return np.eye(agents)
    mixing = schedule.mixing(n)
    if isinstance(mixing, Average):
        return np.full((agents, agents), 1 / agents)
    return np.asarray(mixing.sparse().toarray())
