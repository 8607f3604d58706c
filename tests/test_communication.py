"""Every W_n is doubly stochastic, lives on the topology, and brings the agents together."""

import itertools

import networkx as nx
import numpy as np
import pytest

from tests import reference
from tests.topologies import TOPOLOGIES, from_networkx, matrix
from udsgd_mpi.communication import (
    DFL,
    DSGD,
    DSGDVT,
    HLSGD,
    LSGDFP,
    LSGDPP,
    LSGDRC,
    Centralized,
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

# Their W may join any two agents.
_WITHOUT_TOPOLOGY = (Centralized, DSGDVT, LSGDPP, OnePeerExponential)


@pytest.fixture(params=TOPOLOGIES.values(), ids=TOPOLOGIES)
def topology(request: pytest.FixtureRequest) -> nx.Graph:
    return request.param


class PatternContract:
    """What every pattern promises; a subclass names one."""

    pattern: Pattern
    steps = 40
    contracts = True
    exact = True  # 600 aggregations are as many of each W as is expected

    def matrices(self, topology: nx.Graph) -> list[np.ndarray]:
        schedule = self.pattern.start(from_networkx(topology, "topology"), seed=3)
        return [matrix(schedule, n, len(topology)) for n in range(1, self.steps + 1)]

    def test_doubly_stochastic(self, topology: nx.Graph) -> None:
        for W in self.matrices(topology):
            assert (W >= 0).all()
            np.testing.assert_allclose(W.sum(axis=0), 1, atol=1e-15 * len(W))
            np.testing.assert_allclose(W.sum(axis=1), 1, atol=1e-15 * len(W))

    def test_identity_between_aggregations(self, topology: nx.Graph) -> None:
        schedule = self.pattern.start(from_networkx(topology, "topology"), seed=3)
        times = schedule.times(0, self.steps).tolist()
        assert times == sorted(set(times))
        for n, W in enumerate(self.matrices(topology), start=1):
            if n not in times:
                np.testing.assert_array_equal(W, np.eye(len(topology)))

    def test_times_of_a_part_are_those_of_the_whole(self, topology: nx.Graph) -> None:
        schedule = self.pattern.start(from_networkx(topology, "topology"), seed=3)
        whole = schedule.times(0, 200).tolist()
        for n, m in ((0, 1), (3, 17), (17, 18), (19, 19), (40, 200)):
            part = [time for time in whole if n < time <= m]
            assert schedule.times(n, m).tolist() == part
            assert schedule.count(m) == sum(time <= m for time in whole)
            assert schedule.aggregates(m) == (m in whole)
            order = schedule.order(n, m).tolist()
            assert order == [schedule.which(time) for time in part]
            forms = range(len(schedule.forms))
            assert schedule.uses(n, m).tolist() == [order.count(k) for k in forms]
        assert schedule.first(5, 200).tolist() == whole[:5]
        assert schedule.first(5, 2).tolist() == [time for time in whole if time <= 2]

    def test_second_moment_is_the_mean_of_the_squares(self, topology: nx.Graph) -> None:
        """Entry by entry, within four of the largest standard errors that 600 draws can have."""
        agents = len(topology)
        schedule = self.pattern.start(from_networkx(topology, "topology"), seed=3)
        moment = schedule.second_moment(agents)
        if moment is None:
            assert isinstance(self.pattern, RandomMatching)
            return
        # Every 20th, as links remember their state.
        times = schedule.times(0, 600 * 20 * 6)[: 600 * 20 : 1 if self.exact else 20][:600]
        squares = np.array([W.T @ W for W in (schedule.mixing(n).matrix(agents) for n in times)])
        S = moment.matrix()
        expected = S + (1 - S.sum(axis=1)) / agents
        # Entries are in [0, 1].
        error = 0 if self.exact else np.sqrt(abs(expected * (1 - expected)) / len(squares))
        assert (abs(squares.mean(axis=0) - expected) <= 4 * error + 1e-12).all()
        largest = np.linalg.eigvalsh(expected - 1 / agents)[-1]
        factor = contraction(schedule, agents).factor
        assert factor**2 == pytest.approx(max(0, largest), abs=1e-12)

    def test_support_inside_the_topology(self, topology: nx.Graph) -> None:
        allowed = nx.to_numpy_array(topology, nodelist=range(len(topology))) > 0
        allowed |= np.eye(len(topology), dtype=bool)
        for W in self.matrices(topology):
            is_average = np.ptp(W) < 1e-15
            elsewhere = isinstance(self.pattern, _WITHOUT_TOPOLOGY)
            assert is_average or elsewhere or not W[~allowed].any()

    def test_same_on_every_rank_and_in_any_order(self, topology: nx.Graph) -> None:
        whole = self.matrices(topology)
        schedule = self.pattern.start(from_networkx(topology, "topology"), seed=3)
        for n in (self.steps, 7, 8, self.steps, 1):
            np.testing.assert_array_equal(matrix(schedule, n, len(topology)), whole[n - 1])

    def test_contraction_brings_agents_together(self, topology: nx.Graph) -> None:
        agents = len(topology)
        if agents == 1 or (agents == 2 and not self.contracts):
            return
        product = np.eye(agents)
        schedule = self.pattern.start(from_networkx(topology, "topology"), seed=3)
        for n in schedule.times(0, 3000)[:600]:
            product = schedule.mixing(int(n)).matrix(agents) @ product
        np.testing.assert_allclose(product, 1 / agents, atol=1e-6)
        assert contraction(schedule, agents).factor < 1 - 1e-6


class TestDSGD(PatternContract):
    pattern = DSGD()
    contracts = False  # two agents swap for ever

    def test_weights_are_metropolis(self, topology: nx.Graph) -> None:
        np.testing.assert_allclose(
            self.matrices(topology)[0], reference.metropolis(topology), atol=1e-15
        )


class TestDSGDWithInterval(PatternContract):
    pattern = DSGD(interval=3)
    contracts = False

    def test_aggregates_after_every_third_step(self, topology: nx.Graph) -> None:
        schedule = self.pattern.start(from_networkx(topology, "topology"), seed=3)
        assert schedule.times(0, 10).tolist() == [3, 6, 9]


class TestLazyDSGD(PatternContract):
    pattern = DSGD(weights="lazy")

    def test_half_of_metropolis_and_half_of_identity(self, topology: nx.Graph) -> None:
        expected = (np.eye(len(topology)) + reference.metropolis(topology)) / 2
        np.testing.assert_allclose(self.matrices(topology)[0], expected, atol=1e-15)


class TestDFL(PatternContract):
    pattern = DFL(weights="lazy")


class TestDSGDVT(PatternContract):
    pattern = DSGDVT(weights="lazy")
    exact = False

    def test_draws_each_of_five(self) -> None:
        found = self.matrices(TOPOLOGIES["random"])
        assert len({W.tobytes() for W in found}) == 5
        assert any((a == b).all() for a, b in itertools.pairwise(found))


class TestDSGDCT(PatternContract):
    pattern = DSGDVT(topologies=[Ring(), Star(), Complete()], order="cyclic", weights="lazy")

    def test_takes_them_in_turn(self) -> None:
        found = self.matrices(TOPOLOGIES["star"])
        graphs = [nx.cycle_graph(7), nx.star_graph(6), nx.complete_graph(7)]
        for n, W in enumerate(found):
            expected = (np.eye(7) + reference.metropolis(graphs[n % 3])) / 2
            np.testing.assert_allclose(W, expected, atol=1e-15)


class TestCentralized(PatternContract):
    pattern = Centralized()

    def test_average(self, topology: nx.Graph) -> None:
        np.testing.assert_array_equal(
            self.matrices(topology)[0], np.full((len(topology),) * 2, 1 / len(topology))
        )


class TestLSGDFP(PatternContract):
    pattern = LSGDFP()


class TestLSGDRC(PatternContract):
    pattern = LSGDRC()


class TestLSGDPP(PatternContract):
    pattern = LSGDPP(participants=3, interval=2)
    exact = False

    @pytest.fixture(params=[t for t in TOPOLOGIES.values() if len(t) > 3])
    def topology(self, request: pytest.FixtureRequest) -> nx.Graph:
        return request.param

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

    def test_contraction_brings_agents_together(self, topology: nx.Graph) -> None:
        """‖E[WᵀW] − J‖ < 1, but successive rounds share agents: the others only change places."""
        schedule = self.pattern.start(from_networkx(topology, "topology"), seed=3)
        assert contraction(schedule, len(topology)).factor < 1 - 1e-6
        product = np.eye(len(topology))
        for n in schedule.times(0, 400):
            product = schedule.mixing(int(n)).matrix(len(topology)) @ product
        np.testing.assert_allclose(np.sort(product.max(axis=1))[:3], 1 / 3, atol=1e-15)
        np.testing.assert_allclose(np.sort(product.max(axis=1))[3:], 1, atol=1e-15)


class TestHLSGD(PatternContract):
    pattern = HLSGD(clusters=2, inner=2, outer=6)

    def test_gossips_inside_and_averages_between(self) -> None:
        found = self.matrices(TOPOLOGIES["barbell"])  # 4 + 1 + 4 agents
        assert not found[1][:5, 5:].any()
        assert found[1][:5, :5].any()
        np.testing.assert_array_equal(found[5], np.full((9, 9), 1 / 9))


class TestOnePeerExponential(PatternContract):
    pattern = OnePeerExponential()

    def test_a_power_of_two_averages_exactly_in_a_period(self) -> None:
        found = self.matrices(nx.path_graph(8))
        np.testing.assert_allclose(found[2] @ found[1] @ found[0], 1 / 8, atol=1e-15)

    @pytest.fixture(params=[*TOPOLOGIES.values(), nx.path_graph(8)])
    def topology(self, request: pytest.FixtureRequest) -> nx.Graph:
        return request.param


class TestRandomMatching(PatternContract):
    pattern = RandomMatching()
    exact = False

    def test_is_a_maximal_matching(self, topology: nx.Graph) -> None:
        for W in self.matrices(topology):
            pairs = {frozenset((i, j)) for i, j in zip(*np.nonzero(W), strict=True) if i != j}
            assert nx.is_maximal_matching(topology, {tuple(pair) for pair in pairs})


class TestIndependentLosses(PatternContract):
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


class TestBurstyLosses(PatternContract):
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


class TestLinksThatComeAndGo(PatternContract):
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


class TestDropOut(PatternContract):
    pattern = DropOut(leave=0.2, rejoin=0.5)
    contracts = False
    exact = False

    def test_an_agent_that_is_out_does_not_mix(self) -> None:
        graph = TOPOLOGIES["star"]
        centre_out = [W for W in self.matrices(graph) if W[0, 0] == 1]
        assert 3 < len(centre_out) < 25
        assert all((np.eye(7) == W).all() for W in centre_out)


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
