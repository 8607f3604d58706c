"""Hybrid local SGD: gossip inside clusters between less frequent global averages."""

from typing import Annotated

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from udsgd_mpi.agent_lists import covering
from udsgd_mpi.communication.base import Pattern, Schedule
from udsgd_mpi.communication.mixing import Average, Mixing
from udsgd_mpi.communication.weights import Weights, metropolis
from udsgd_mpi.graphs import Graph

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

    def start(self, topology: Graph, seed: int) -> Schedule:
        cluster = _cluster_of_each(self.clusters, len(topology))
        return _TwoIntervals(_inside(topology, cluster), self.inner, self.outer)


class _TwoIntervals(Schedule):
    def __init__(self, gossip: Weights, inner: int, outer: int) -> None:
        super().__init__(inner, planned=(gossip, Average()))
        self._inner = inner
        self._outer = outer

    def times(self, steps: int) -> NDArray[np.int64]:
        n = np.arange(1, steps + 1, dtype=np.int64)
        return np.extract((n % self._inner == 0) | (n % self._outer == 0), n)

    def mixing(self, n: int) -> Mixing:
        gossip, average = self.planned
        return average if n % self._outer == 0 else gossip


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
