"""W_n between agents that are there is doubly stochastic, and loses nothing; who is away rests."""

from collections.abc import Mapping
from typing import ClassVar

import networkx as nx
import numpy as np
import pytest

from tests.activations import KINDS
from tests.contracts import WithoutRuns
from udsgd_mpi.clock import elapsed
from udsgd_mpi.communication import (
    DSGD,
    DSGDVT,
    HLSGD,
    LSGDFP,
    LSGDPP,
    Activated,
    Activation,
    AsyncGossip,
    CustomPattern,
    DropOut,
    OnePeerExponential,
    PartialAverage,
    Pattern,
    RandomMatching,
    Schedule,
    UnreliableLinks,
)
from udsgd_mpi.communication.activation import Bernoulli, Markov
from udsgd_mpi.graphs import Graph
from udsgd_mpi.graphs.generators import Ring, Star
from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.testing import PatternContract
from udsgd_mpi.testing.graphs import TOPOLOGIES, from_networkx, matrix

SEED = 3
PATTERNS: dict[str, Pattern] = {
    "dsgd": DSGD(),
    "every third": DSGD(interval=3, weights="lazy"),
    "time-varying": DSGDVT(topologies=[Ring(), Star()]),
    "average": LSGDFP(interval=2),
    "clusters": HLSGD(clusters=2, inner=2, outer=3),
    "matching": RandomMatching(),
    "links": UnreliableLinks(failure=0.2, recovery=0.3),
    "drop-out": DropOut(leave=0.2, rejoin=0.4),
    "clocks": AsyncGossip(edge_rate=2.0),
    "own": CustomPattern(path="tests.own_pattern:Gossip"),
}


def activated(pattern: Pattern, activation: Activation, topology: nx.Graph) -> Schedule:
    graph = from_networkx(topology, "topology")
    whole = pattern.start(graph, SEED)
    return Activated(whole, activation.start(len(graph), SEED), pattern.__struct_config__.tag)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", PATTERNS)
def test_w_between_those_that_are_there_is_doubly_stochastic(name: str, kind: str) -> None:
    """Its entries are those of the whole W, or the average's; who is away keeps all."""
    topology = TOPOLOGIES["barbell"]
    n, steps = len(topology), 40
    schedule = activated(PATTERNS[name], KINDS[kind], topology)
    whole = PATTERNS[name].start(from_networkx(topology, "topology"), SEED)
    active, there = schedule.active(0, steps), KINDS[kind].start(n, SEED).between(0, steps)
    assert active is not None
    assert not active[~there].any()
    assert not there.all(axis=1).all()
    theta = np.random.default_rng(1).normal(size=(n, 7))
    for k in range(1, steps + 1):
        W, of_all, a = matrix(schedule, k, n), matrix(whole, k, n), there[k - 1]
        assert (W >= 0).all()
        for axis in (0, 1):
            np.testing.assert_allclose(W.sum(axis=axis), 1, atol=1e-14)
        np.testing.assert_array_equal(W[~a], np.eye(n)[~a])
        if np.ptp(of_all) > 1e-15:
            apart = np.outer(a, a) & ~np.eye(n, dtype=bool)
            np.testing.assert_array_equal(W[apart], of_all[apart])
        else:
            np.testing.assert_allclose(W[np.ix_(a, a)], 1 / max(1, a.sum()), rtol=1e-15)
        np.testing.assert_allclose((W @ theta).sum(axis=0), theta.sum(axis=0), atol=1e-13)


@pytest.mark.parametrize("name", PATTERNS)
def test_where_all_are_there_nothing_is_changed(name: str) -> None:
    topology = TOPOLOGIES["barbell"]
    schedule = activated(PATTERNS[name], Bernoulli(p=1.0), topology)
    whole = PATTERNS[name].start(from_networkx(topology, "topology"), SEED)
    for k in range(1, 21):
        expected, found = (matrix(each, k, len(topology)) for each in (whole, schedule))
        np.testing.assert_array_equal(found, expected)


class _OfSome(DSGD, frozen=True, tag="of_some"):
    """DSGD of agents that are there at random."""

    def start(self, topology: Graph, seed: int) -> Schedule:
        there = Bernoulli(p=0.7).start(len(topology), seed)
        return Activated(super().start(topology, seed), there, "dsgd")


class _AverageOfSome(HLSGD, frozen=True, tag="average_of_some"):
    """Also averages."""

    def start(self, topology: Graph, seed: int) -> Schedule:
        there = Markov(there=3, away=2).start(len(topology), seed)
        return Activated(super().start(topology, seed), there, "hlsgd")


class TestNeighbours(WithoutRuns, PatternContract):
    pattern = _OfSome()
    topologies: ClassVar[Mapping[str, nx.Graph]] = {"odd ring": TOPOLOGIES["odd ring"]}


class TestAverages(WithoutRuns, PatternContract):
    pattern = _AverageOfSome(clusters=1, inner=2, outer=3)
    topologies: ClassVar[Mapping[str, nx.Graph]] = {"odd ring": TOPOLOGIES["odd ring"]}
    on_topology = False


@pytest.mark.parametrize("name", ["every third", "average", "clusters", "matching"])
def test_agents_that_are_away_send_nothing(name: str) -> None:
    """A message for each weight between two agents, or 2 (k − 1) for an average of k."""
    topology, steps = TOPOLOGIES["barbell"], 50
    n = len(topology)
    schedule = activated(PATTERNS[name], Bernoulli(p=0.4), topology)
    sent = elapsed(schedule, None, n, 8, np.array([20, steps])).sent
    messages = np.zeros(steps, dtype=np.int64)
    for k in schedule.times(0, steps).tolist():
        W = matrix(schedule, k, n)
        if isinstance(schedule.mixing(k), PartialAverage):
            messages[k - 1] = 2 * max(0, int((np.diag(W) < 1).sum()) - 1)
        else:
            messages[k - 1] = (W[~np.eye(n, dtype=bool)] > 0).sum()
    assert sent.tolist() == [8 * messages[:20].sum(), 8 * messages.sum()]


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        (LSGDPP(participants=2), "lsgd_pp, which draws who takes part.*use lsgd_fp"),
        (OnePeerExponential(), "one of one_peer_exponential with w_ij and w_ji that differ by 0.5"),
        (
            CustomPattern(path="tests.own_pattern:Anyone"),
            "one of custom with w_ij and w_ji that differ",
        ),
    ],
)
def test_patterns_that_would_not_stay_doubly_stochastic_are_named(
    pattern: Pattern, said: str
) -> None:
    with pytest.raises(ConfigurationError, match=said):
        activated(pattern, Bernoulli(), TOPOLOGIES["star"])
