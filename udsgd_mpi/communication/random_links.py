"""DSGD on links that are there at random: matchings, losses, and agents that drop out."""

from collections.abc import Callable
from typing import Annotated

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from udsgd_mpi.communication.base import Pattern, Schedule
from udsgd_mpi.communication.intervals import Interval
from udsgd_mpi.communication.mixing import Mixing
from udsgd_mpi.communication.weights import Weights, from_edges, metropolis
from udsgd_mpi.graphs import Graph
from udsgd_mpi.seeding import Purpose, generator

Probability = Annotated[float, Meta(ge=0, lt=1)]
PositiveProbability = Annotated[float, Meta(gt=0, le=1)]
Bools = NDArray[np.bool_]


class RandomMatching(Pattern, frozen=True, tag="random_matching"):
    """Pairs of neighbours average: a random maximal matching of the topology each time.

    Edges are taken in random order where both ends are still free (pairwise gossip; Boyd, Ghosh,
    Prabhakar and Shah, 2006).
    """

    interval: Interval = 1

    def start(self, topology: Graph, seed: int) -> Schedule:
        edges = _Edges(topology)

        def match(number: int) -> Weights:
            rng = generator(seed, Purpose.MIXING, number)
            free = np.ones(len(topology), dtype=bool)
            chosen = []
            for edge in rng.permutation(len(edges.i)):
                if free[edges.i[edge]] and free[edges.j[edge]]:
                    free[edges.i[edge]] = free[edges.j[edge]] = False
                    chosen.append(edge)
            return from_edges(
                len(topology), edges.i[chosen], edges.j[chosen], np.full(len(chosen), 0.5)
            )

        return _Anew(self.interval, match, metropolis(topology))


class UnreliableLinks(Pattern, frozen=True, tag="unreliable_links"):
    """DSGD whose links fail, each on its own; a lost link's weight returns to both diagonals.

    A link is in a good or a bad state and changes it with given probabilities between
    aggregations (Gilbert and Elliott); with ``recovery = 1 − failure`` losses are independent.

    Parameters
    ----------
    failure
        Probability that a good link is bad at the next aggregation.
    recovery
        Probability that a bad link is good at the next aggregation; small values make bursts.
        By default 1 − ``failure``.
    """

    failure: Probability = 0.1
    recovery: PositiveProbability | None = None
    interval: Interval = 1

    def start(self, topology: Graph, seed: int) -> Schedule:
        edges = _Edges(topology)
        recovery = 1 - self.failure if self.recovery is None else self.recovery
        states = _TwoStates(len(edges.i), self.failure, recovery, seed)

        def surviving(number: int) -> Weights:
            return edges.weights(states(number))

        return _Anew(self.interval, surviving, metropolis(topology))


class DropOut(Pattern, frozen=True, tag="drop_out"):
    """DSGD whose agents drop out and rejoin; one that is out keeps stepping and mixes with nobody.

    Parameters
    ----------
    leave
        Probability that an agent that is in is out at the next aggregation.
    rejoin
        Probability that one that is out is in at the next aggregation.
    """

    leave: Probability = 0.05
    rejoin: PositiveProbability = 0.5
    interval: Interval = 1

    def start(self, topology: Graph, seed: int) -> Schedule:
        edges = _Edges(topology)
        states = _TwoStates(len(topology), self.leave, self.rejoin, seed)

        def among_those_in(number: int) -> Weights:
            present = states(number)
            return edges.weights(present[edges.i] & present[edges.j])

        return _Anew(self.interval, among_those_in, metropolis(topology))


class _Edges:
    """The edges {i, j} of a topology, i < j, with their Metropolis weights."""

    def __init__(self, topology: Graph) -> None:
        degrees = topology.degrees
        tails = np.repeat(np.arange(len(topology)), degrees)
        once = tails < topology.neighbours
        self.agents = len(topology)
        self.i = tails[once]
        self.j = topology.neighbours[once].astype(np.int64)
        self.values = 1 / np.maximum(degrees[self.i], degrees[self.j])

    def weights(self, kept: Bools) -> Weights:
        return from_edges(self.agents, self.i[kept], self.j[kept], self.values[kept])


class _TwoStates:
    """Independent two-state Markov chains, started in their stationary law."""

    def __init__(self, count: int, failure: float, recovery: float, seed: int) -> None:
        self._count = count
        self._failure = failure
        self._recovery = recovery
        self._seed = seed
        self._number = 0
        self._good: Bools = np.ones(count, dtype=bool)

    def __call__(self, number: int) -> Bools:
        """Which chains are good at the aggregation with this number."""
        if number < self._number:
            self._number = 0
        while self._number < number:
            self._number += 1
            uniform = generator(self._seed, Purpose.MIXING, self._number).random(self._count)
            if self._number == 1:
                self._good = uniform * (self._failure + self._recovery) < self._recovery
            else:
                self._good = np.where(
                    self._good, uniform >= self._failure, uniform < self._recovery
                )
        return self._good


class _Anew(Schedule):
    """Weights that are drawn anew at each aggregation."""

    def __init__(
        self, interval: Interval, draw: Callable[[int], Weights], support: Weights
    ) -> None:
        super().__init__(interval, support=support)
        self._draw = draw

    def mixing(self, n: int) -> Mixing:
        return self._draw(self._times.number(n))
