"""Hybrid local SGD: gossip inside clusters between less frequent global averages."""

import math
from bisect import bisect_left
from typing import Annotated

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from udsgd_mpi.communication.base import Pattern, Schedule
from udsgd_mpi.communication.forms.average import Average
from udsgd_mpi.communication.forms.weights import Weights
from udsgd_mpi.communication.intervals import LAST_STEP, Interval
from udsgd_mpi.communication.weights import metropolis
from udsgd_mpi.graphs import Graph
from udsgd_mpi.support.agent_lists import covering

Positive = Annotated[int, Meta(ge=1)]


class HLSGD(Pattern, frozen=True, tag="hlsgd"):
    """Metropolis weights inside clusters every ``inner`` steps, J every ``outer`` steps.

    Paper, section 1.

    Parameters
    ----------
    clusters
        Number of clusters of consecutive agents, or their lists, e.g. ``["0-4", "5-9"]``.
        Inside a cluster agents gossip along the edges of the topology.
    """

    clusters: Positive | list[str] = 4
    inner: Positive = 1
    outer: Positive = 10

    @property
    def interval(self) -> Interval:
        """Steps from one average over all to the next."""
        return self.outer

    def start(self, topology: Graph, seed: int) -> Schedule:
        cluster = _cluster_of_each(self.clusters, len(topology))
        return _TwoIntervals(_inside(topology, cluster), self.inner, self.outer)


class _TwoIntervals(Schedule):
    """Gossip at the multiples of one number, an average at those of another."""

    def __init__(self, gossip: Weights, inner: int, outer: int) -> None:
        super().__init__(inner, (gossip, Average()))
        self._inner, self._outer = (min(each, LAST_STEP + 1) for each in (inner, outer))
        self._both = math.lcm(self._inner, self._outer)

    def count(self, n: int) -> int:
        return n // self._inner + n // self._outer - n // self._both

    def times(self, n: int, m: int) -> NDArray[np.int64]:
        gossips, averages = (
            np.arange(n // each + 1, m // each + 1) * each for each in (self._inner, self._outer)
        )
        return np.asarray(np.union1d(gossips, averages))

    def time(self, number: int) -> int:
        # Of each period's times as many, in the same places.
        periods, k = divmod(number - 1, self.count(self._both))
        return periods * self._both + bisect_left(range(self._both), k + 1, key=self.count)

    def which(self, n: int) -> int:
        return int(n % self._outer == 0)

    def order(self, n: int, m: int) -> NDArray[np.int64]:
        return np.asarray(self.times(n, m) % self._outer == 0, dtype=np.int64)

    def uses(self, n: int, m: int) -> NDArray[np.int64]:
        averages = m // self._outer - n // self._outer
        return np.array([self.count(m) - self.count(n) - averages, averages])

    def shares(self) -> NDArray[np.float64]:
        in_a_period = self.count(self._both)
        averages = self._both // self._outer / in_a_period
        return np.array([1 - averages, averages])


def _inside(topology: Graph, cluster: NDArray[np.int64]) -> Weights:
    """Metropolis weights of the topology without the edges between clusters."""
    tails = np.repeat(np.arange(len(topology)), topology.degrees)
    kept = cluster[tails] == cluster[topology.neighbours]
    degrees = np.bincount(tails[kept], minlength=len(topology))
    offsets = np.concatenate([[0], np.cumsum(degrees)])
    return metropolis(Graph(offsets.astype(np.int64), topology.neighbours[kept]))


def _cluster_of_each(clusters: int | list[str], agents: int) -> NDArray[np.int64]:
    if isinstance(clusters, int):
        return np.asarray(np.arange(agents) * min(clusters, agents) // agents)
    lists = {str(k): text for k, text in enumerate(clusters)}
    return np.array([int(k) for k in covering(lists, agents, "communication.clusters")])
