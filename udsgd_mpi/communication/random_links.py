"""DSGD on links that fail at random, or whose agents drop out."""

from typing import Annotated

import numpy as np
from msgspec import Meta

from udsgd_mpi.communication.base import InTurn, Pattern, Schedule
from udsgd_mpi.communication.forms.base import Integers
from udsgd_mpi.communication.forms.links import Drawing, OnLinks
from udsgd_mpi.communication.intervals import Interval
from udsgd_mpi.communication.second_moment import SecondMoment
from udsgd_mpi.communication.two_states import law, links_of_chains
from udsgd_mpi.graphs import Graph

Probability = Annotated[float, Meta(ge=0, lt=1)]
PositiveProbability = Annotated[float, Meta(gt=0, le=1)]


class UnreliableLinks(Pattern, frozen=True, tag="unreliable_links"):
    """DSGD whose links fail independently; a lost link's weight returns to both diagonals.

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

    @property
    def remedy(self) -> str:
        return "use communication.failure above 0, or another topology"

    def start(self, topology: Graph, seed: int) -> Schedule:
        recovery = 1 - self.failure if self.recovery is None else self.recovery
        return InTurn(self.interval, [_GoodLinks(topology, self.failure, recovery, seed)])


class DropOut(Pattern, frozen=True, tag="drop_out"):
    """DSGD whose agents drop out and rejoin; one that is out takes local steps only.

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

    @property
    def remedy(self) -> str:
        return "use communication.leave above 0, or another topology"

    def start(self, topology: Graph, seed: int) -> Schedule:
        return InTurn(self.interval, [_AgentsThatAreIn(topology, self.leave, self.rejoin, seed)])


class _OfChains(OnLinks):
    """Links that follow two-state chains, started in their stationary law.

    Parameters
    ----------
    failure, recovery
        Probabilities that a chain goes from good to bad, and back.
    """

    draw = links_of_chains

    def __init__(self, topology: Graph, failure: float, recovery: float, seed: int) -> None:
        super().__init__(topology)
        self.good = recovery / (failure + recovery)
        self._law = law(failure, recovery)
        self._seed = np.uint64(seed)

    def _drawing(self, first: Integers, second: Integers) -> Drawing:
        """For links that need these chains."""
        chains, place = np.unique(np.concatenate([first, second]), return_inverse=True)
        at, good = np.zeros(1, dtype=np.int64), np.zeros(len(chains), dtype=np.uint8)
        there = np.zeros(len(first), dtype=np.uint8)
        a, b = place.reshape(2, len(first))
        return Drawing(self._seed, chains, a, b, self._law, at, good, there)


class _GoodLinks(_OfChains):
    """Each link has a chain."""

    def drawing(self, links: Integers) -> tuple[Drawing, Integers]:
        return self._drawing(links, links), np.arange(len(links))

    def second_moment(self, agents: int) -> SecondMoment:
        """E[W²] = (I − p L)² + 2 p (1 − p) Σ w_e² L_e with p = P(b_e = 1) and L = Σ w_e L_e."""
        from scipy.sparse import eye_array

        p, w = self.good, self.weights
        mean = eye_array(agents, format="csr") - p * self.laplacian(w)
        return SecondMoment.of(agents, [(1.0, mean)], 2 * p * (1 - p) * self.laplacian(w**2))


class _AgentsThatAreIn(_OfChains):
    """Each agent has a chain; a link is up while both of its ends are in."""

    def drawing(self, links: Integers) -> tuple[Drawing, Integers]:
        return self._drawing(self.i[links], self.j[links]), np.arange(len(links))

    def second_moment(self, agents: int) -> SecondMoment:
        """E[W²] = (I − q² L)² + q³ (1 − q) L² + 2 q² (1 − q) Σ w_e² L_e with q = P(in).

        E[b_e b_f] is q² if e = f and q³ if they share an end; else L_e L_f = 0.
        """
        from scipy.sparse import eye_array

        q, w = self.good, self.weights
        L = self.laplacian(w)
        mean = eye_array(agents, format="csr") - q**2 * L
        rest = 2 * q**2 * (1 - q) * self.laplacian(w**2)
        return SecondMoment.of(agents, [(1.0, mean), (q**3 * (1 - q), L)], rest)
