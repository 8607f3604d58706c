"""Every W_n is doubly stochastic, lives on the topology, and brings the agents together."""

import itertools
from typing import ClassVar

import networkx as nx
import numpy as np
import pytest

from tests import reference
from tests.contracts import WithoutRuns
from udsgd_mpi.communication import (
    DFL,
    DSGD,
    DSGDVT,
    HLSGD,
    LSGDFP,
    LSGDPP,
    LSGDRC,
    AsyncGossip,
    Centralized,
    CustomPattern,
    DropOut,
    OnePeerExponential,
    OnLinks,
    PartialAverage,
    Pattern,
    RandomMatching,
    UnreliableLinks,
    contraction,
)
from udsgd_mpi.graphs.generators import Complete, Ring, Star
from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.testing import PatternContract
from udsgd_mpi.testing.graphs import TOPOLOGIES, from_networkx, matrix


class OwnContract(WithoutRuns, PatternContract):
    """The same, on one and two agents too; and topologies for the tests of single patterns."""

    topologies = TOPOLOGIES

    @pytest.fixture(params=TOPOLOGIES.values(), ids=TOPOLOGIES)
    def topology(self, request: pytest.FixtureRequest) -> nx.Graph:
        return request.param


class TestDSGD(OwnContract):
    pattern = DSGD()
    contracts = False  # two agents swap for ever

    def test_weights_are_metropolis(self, topology: nx.Graph) -> None:
        np.testing.assert_allclose(
            self.matrices(topology)[0], reference.metropolis(topology), atol=1e-15
        )


class TestDSGDWithInterval(OwnContract):
    pattern = DSGD(interval=3)
    contracts = False

    def test_aggregates_after_every_third_step(self, topology: nx.Graph) -> None:
        schedule = self.pattern.start(from_networkx(topology, "topology"), seed=3)
        assert schedule.times(0, 10).tolist() == [3, 6, 9]


class TestLazyDSGD(OwnContract):
    pattern = DSGD(weights="lazy")

    def test_half_of_metropolis_and_half_of_identity(self, topology: nx.Graph) -> None:
        expected = (np.eye(len(topology)) + reference.metropolis(topology)) / 2
        np.testing.assert_allclose(self.matrices(topology)[0], expected, atol=1e-15)


class TestStaleDSGD(OwnContract):
    pattern = DSGD(weights="lazy", staleness=2)
    test_the_exchange_is_the_product_with_w = None  # what it is ``tests/mpi`` has

    def test_w_is_that_of_new_reads(self, topology: nx.Graph) -> None:
        new = DSGD(weights="lazy").start(from_networkx(topology, "topology"), seed=3)
        expected = matrix(new, 1, len(topology))
        np.testing.assert_array_equal(self.matrices(topology)[0], expected)


class TestDFL(OwnContract):
    pattern = DFL(weights="lazy")


class TestDSGDVT(OwnContract):
    pattern = DSGDVT(weights="lazy")
    on_topology = False
    exact = False

    def test_draws_each_of_five(self) -> None:
        found = self.matrices(TOPOLOGIES["random"])
        assert len({W.tobytes() for W in found}) == 5
        assert any((a == b).all() for a, b in itertools.pairwise(found))


class TestDSGDCT(OwnContract):
    pattern = DSGDVT(topologies=[Ring(), Star(), Complete()], order="cyclic", weights="lazy")
    on_topology = False

    def test_takes_them_in_turn(self) -> None:
        found = self.matrices(TOPOLOGIES["star"])
        graphs = [nx.cycle_graph(7), nx.star_graph(6), nx.complete_graph(7)]
        for n, W in enumerate(found):
            expected = (np.eye(7) + reference.metropolis(graphs[n % 3])) / 2
            np.testing.assert_allclose(W, expected, atol=1e-15)


class TestCentralized(OwnContract):
    pattern = Centralized()

    def test_average(self, topology: nx.Graph) -> None:
        np.testing.assert_array_equal(
            self.matrices(topology)[0], np.full((len(topology),) * 2, 1 / len(topology))
        )


class TestLSGDFP(OwnContract):
    pattern = LSGDFP()


class TestLSGDRC(OwnContract):
    pattern = LSGDRC()


class TestLSGDPP(OwnContract):
    pattern = LSGDPP(participants=3, interval=2)
    topologies: ClassVar = {name: graph for name, graph in TOPOLOGIES.items() if len(graph) > 3}
    on_topology = False
    exact = False

    def test_average_of_the_drawn_goes_to_the_next(self) -> None:
        schedule = self.pattern.start(from_networkx(nx.path_graph(9), "topology"), seed=3)
        W = schedule.mixing(int(schedule.times(0, 50)[2]))
        following = schedule.mixing(int(schedule.times(0, 50)[3]))
        assert isinstance(W, PartialAverage)
        assert isinstance(following, PartialAverage)
        np.testing.assert_array_equal(W.successors, following.members)
        theta = np.random.default_rng(1).normal(size=9)
        mixed = W.matrix(9) @ theta
        np.testing.assert_allclose(mixed[W.successors], theta[W.members].mean(), rtol=1e-15)
        outside = np.setdiff1d(np.arange(9), W.successors)
        others = np.setdiff1d(np.arange(9), W.members)
        assert sorted(mixed[outside]) == sorted(theta[others])

    def test_w_brings_the_agents_together(self) -> None:
        """‖E[WᵀW] − J‖ < 1, but successive rounds share agents: the others only change places."""
        for schedule, agents, *_ in self.cases():
            assert contraction(schedule, agents).factor < 1 - 1e-6
            product = np.eye(agents)
            for n in schedule.times(0, 400):
                product = schedule.mixing(int(n)).matrix(agents) @ product
            np.testing.assert_allclose(np.sort(product.max(axis=1))[:3], 1 / 3, atol=1e-15)
            np.testing.assert_allclose(np.sort(product.max(axis=1))[3:], 1, atol=1e-15)


class TestHLSGD(OwnContract):
    pattern = HLSGD(clusters=2, inner=2, outer=6)

    def test_gossips_inside_and_averages_between(self) -> None:
        found = self.matrices(TOPOLOGIES["barbell"])  # 4 + 1 + 4 agents
        assert not found[1][:5, 5:].any()
        assert found[1][:5, :5].any()
        np.testing.assert_array_equal(found[5], np.full((9, 9), 1 / 9))


class TestOnePeerExponential(OwnContract):
    pattern = OnePeerExponential()
    topologies = TOPOLOGIES | {"eight": nx.path_graph(8)}
    on_topology = False

    def test_a_power_of_two_averages_exactly_in_a_period(self) -> None:
        found = self.matrices(nx.path_graph(8))
        np.testing.assert_allclose(found[2] @ found[1] @ found[0], 1 / 8, atol=1e-15)


class TestRandomMatching(OwnContract):
    pattern = RandomMatching()
    exact = False

    def test_is_a_maximal_matching(self, topology: nx.Graph) -> None:
        for W in self.matrices(topology):
            pairs = {frozenset((i, j)) for i, j in zip(*np.nonzero(W), strict=True) if i != j}
            assert nx.is_maximal_matching(topology, {tuple(pair) for pair in pairs})


class TestIndependentLosses(OwnContract):
    pattern = UnreliableLinks(failure=0.3)
    contracts = False
    exact = False

    def test_rate_and_independence_of_losses(self) -> None:
        # 68 edges × 2,000 aggregations, so the standard error of the rate is 0.0012.
        graph = TOPOLOGIES["random"]
        schedule = self.pattern.start(from_networkx(graph, "topology"), seed=3)
        i, j = np.array(graph.edges).T
        lost = np.array([schedule.mixing(n).matrix(len(graph))[i, j] == 0 for n in range(1, 2001)])
        error = np.sqrt(0.3 * 0.7 / lost.size)
        assert abs(lost.mean() - 0.3) < 4 * error
        both = lost[1:] & lost[:-1]
        assert abs(both.mean() - 0.09) < 4 * np.sqrt(0.09 * 0.91 / both.size) * 2


class TestBurstyLosses(OwnContract):
    pattern = UnreliableLinks(failure=0.05, recovery=0.2)
    contracts = False
    exact = False

    def test_bursts_last_as_they_should(self) -> None:
        # A bad link stays bad with probability 0.8; 20 % of link-steps are bad.
        graph = TOPOLOGIES["random"]
        schedule = self.pattern.start(from_networkx(graph, "topology"), seed=3)
        i, j = np.array(graph.edges).T
        lost = np.array([schedule.mixing(n).matrix(len(graph))[i, j] == 0 for n in range(1, 2001)])
        stays = lost[1:][lost[:-1]]
        assert abs(stays.mean() - 0.8) < 4 * np.sqrt(0.16 / stays.size)
        assert abs(lost.mean() - 0.2) < 4 * 3 * np.sqrt(0.16 / lost.size)


class TestLinksThatComeAndGo(OwnContract):
    """Links that change their state more often than not, for which f + r > 1."""

    pattern = UnreliableLinks(failure=0.9, recovery=0.7)
    contracts = False
    exact = False

    def test_states_change_as_they_should(self) -> None:
        graph = TOPOLOGIES["random"]
        schedule = self.pattern.start(from_networkx(graph, "topology"), seed=3)
        (links,) = schedule.forms
        assert isinstance(links, OnLinks)
        good = np.array([links.there(n).copy() for n in range(1, 2001)], dtype=bool)
        for state, change in ((True, 0.9), (False, 0.7)):
            changes = (good[1:] != good[:-1])[good[:-1] == state]
            assert abs(changes.mean() - change) < 4 * np.sqrt(change * (1 - change) / changes.size)


class TestDropOut(OwnContract):
    pattern = DropOut(leave=0.2, rejoin=0.5)
    contracts = False
    exact = False

    def test_an_agent_that_is_out_does_not_mix(self) -> None:
        graph = TOPOLOGIES["star"]
        centre_out = [W for W in self.matrices(graph) if W[0, 0] == 1]
        assert 3 < len(centre_out) < 25
        assert all((np.eye(7) == W).all() for W in centre_out)


class TestAsyncGossip(OwnContract):
    pattern = AsyncGossip()
    exact = False

    @pytest.mark.parametrize("graph", [nx.path_graph(4), nx.cycle_graph(4), nx.star_graph(3)])
    def test_its_mean_w_is_that_over_all_sets_of_clocks_that_ring(self, graph: nx.Graph) -> None:
        """By their probabilities, one set after the other; and W is a projection."""
        pattern, n = AsyncGossip(edge_rate=0.8), len(graph)
        edges = sorted(tuple(sorted(edge)) for edge in graph.edges)
        rates = [0.8 / max(graph.degree(i), graph.degree(j)) for i, j in edges]
        mean = np.zeros((n, n))
        for rung in itertools.product((False, True), repeat=len(edges)):
            each = [
                1 - np.exp(-r) if rings else np.exp(-r)
                for r, rings in zip(rates, rung, strict=True)
            ]
            ends = [end for edge in itertools.compress(edges, rung) for end in edge]
            W = np.eye(n)
            for i, j in itertools.compress(edges, rung):
                if ends.count(i) == ends.count(j) == 1:
                    W[np.ix_((i, j), (i, j))] = 0.5
            mean += np.prod(each) * W
            np.testing.assert_allclose(W.T @ W, W, atol=1e-15)
        moment = pattern.start(from_networkx(graph, "topology"), seed=3).second_moment(n)
        assert moment is not None
        np.testing.assert_allclose(moment.matrix(), mean, atol=1e-14)

    def test_with_all_edges_it_is_its_mean_w_in_expectation(self) -> None:
        """On the complete graph (1 − c) I + c J; four standard errors of 5,000 ticks."""
        n, ticks = 5, 5000
        schedule = self.pattern.start(from_networkx(nx.complete_graph(n), "topology"), seed=3)
        moment = schedule.second_moment(n)
        assert moment is not None
        mean = moment.matrix()
        apart = mean[~np.eye(n, dtype=bool)]
        np.testing.assert_allclose(apart, apart[0], rtol=1e-12)
        drawn = np.mean([matrix(schedule, k, n) for k in range(1, ticks + 1)], axis=0)
        assert (abs(drawn - mean) <= 4 * np.sqrt(mean * (1 - mean) / ticks)).all()

    def test_agents_step_as_often_as_their_clocks_ring(self) -> None:
        """4 standard errors; of agents, and of agents beside edges, which are independent."""
        pattern, ticks = AsyncGossip(step_rate=0.7), 5000
        schedule = pattern.start(from_networkx(nx.path_graph(3), "topology"), seed=3)
        steps = schedule.active(0, ticks)
        assert steps is not None
        p = 1 - np.exp(-0.7)
        assert (abs(steps.mean(axis=0) - p) <= 4 * np.sqrt(p * (1 - p) / ticks)).all()
        averages = np.array([matrix(schedule, k, 3)[0, 1] > 0 for k in range(1, ticks + 1)])
        for agent in range(3):
            correlation = np.corrcoef(steps[:, agent], averages)[0, 1]
            assert abs(correlation) <= 4 / np.sqrt(ticks)


class TestCustom(OwnContract):
    """A user's class, here random pairs of neighbours once more."""

    pattern = CustomPattern(path="tests.own_pattern:Gossip", interval=2)
    exact = False

    def test_a_closed_form_is_met_within_the_error(self) -> None:
        """Random matchings of few agents have one; within four standard errors of 1,000 draws."""
        topology = from_networkx(TOPOLOGIES["star"], "topology")
        expected = contraction(RandomMatching().start(topology, seed=3), len(topology))
        found = contraction(self.pattern.start(topology, seed=3), len(topology))
        assert expected.error == 0 < found.error
        assert abs(found.factor - expected.factor) < 4 * found.error


class TestCustomAnywhere(OwnContract):
    """One that goes beyond the topology, and whose W are not symmetric."""

    pattern = CustomPattern(path="tests.own_pattern:Anyone", interval=[2, 1])
    on_topology = False
    exact = False
    contracts = False


def test_equivalent_patterns() -> None:
    graph = nx.complete_graph(6)
    compressed = from_networkx(graph, "topology")

    def at(pattern: Pattern, n: int) -> np.ndarray:
        return matrix(pattern.start(compressed, seed=3), n, 6)

    for n in range(1, 13):
        np.testing.assert_array_equal(at(LSGDFP(interval=1), n), at(Centralized(), n))
        np.testing.assert_allclose(
            at(LSGDPP(participants=6, interval=4), n), at(LSGDFP(interval=4), n), atol=1e-15
        )
        alone = HLSGD(clusters=6, inner=1, outer=4)
        np.testing.assert_array_equal(at(alone, n), at(LSGDFP(interval=4), n))
        together = HLSGD(clusters=1, inner=1, outer=100)
        np.testing.assert_array_equal(at(together, n), at(DSGD(), n))


@pytest.mark.parametrize(
    ("clusters", "message"),
    [
        (["0-2", "4-5"], "none for agent 3"),
        (["0-3", "3-5"], "agent 3 is in '0' already"),
        (["0-5", "6"], "agents 0-5, got 6"),
    ],
)
def test_clusters_must_cover_every_agent_once(clusters: list[str], message: str) -> None:
    topology = from_networkx(nx.complete_graph(6), "topology")
    with pytest.raises(ConfigurationError, match=message):
        HLSGD(clusters=clusters).start(topology, seed=1)


def test_more_participants_than_agents() -> None:
    topology = from_networkx(nx.complete_graph(6), "topology")
    with pytest.raises(ConfigurationError, match="expected at most 6 agents, got 7"):
        LSGDPP(participants=7).start(topology, seed=1)
