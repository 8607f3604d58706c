"""Every W_n is doubly stochastic, lives on the topology, and brings the agents together."""

import itertools
import math
import time
import tracemalloc
from collections import Counter
from decimal import Decimal, localcontext

import networkx as nx
import numpy as np
import pytest
from scipy.stats import chisquare

from tests import reference
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
    Recurring,
    UnreliableLinks,
    contraction,
    matrix,
)
from udsgd_mpi.communication.consensus import estimated
from udsgd_mpi.communication.intervals import AggregationTimes
from udsgd_mpi.communication.matching import shares_of_edges
from udsgd_mpi.communication.second_moment import largest
from udsgd_mpi.graphs import Graph
from udsgd_mpi.graphs.generators import Complete, Ring, Star
from udsgd_mpi.support.errors import ConfigurationError

TOPOLOGIES = {
    "one": nx.empty_graph(1),
    "pair": nx.path_graph(2),
    "odd ring": nx.cycle_graph(5),
    "star": nx.star_graph(6),
    "barbell": nx.barbell_graph(4, 1),
    "random": nx.connected_watts_strogatz_graph(17, 4, 0.5, seed=1),
}


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
        schedule = self.pattern.start(Graph.from_networkx(topology, "topology"), seed=3)
        return [matrix(schedule, n, len(topology)) for n in range(1, self.steps + 1)]

    def test_doubly_stochastic(self, topology: nx.Graph) -> None:
        for W in self.matrices(topology):
            assert (W >= 0).all()
            np.testing.assert_allclose(W.sum(axis=0), 1, atol=1e-15 * len(W))
            np.testing.assert_allclose(W.sum(axis=1), 1, atol=1e-15 * len(W))

    def test_identity_between_aggregations(self, topology: nx.Graph) -> None:
        schedule = self.pattern.start(Graph.from_networkx(topology, "topology"), seed=3)
        times = schedule.times(0, self.steps).tolist()
        assert times == sorted(set(times))
        for n, W in enumerate(self.matrices(topology), start=1):
            if n not in times:
                np.testing.assert_array_equal(W, np.eye(len(topology)))

    def test_times_of_a_part_are_those_of_the_whole(self, topology: nx.Graph) -> None:
        schedule = self.pattern.start(Graph.from_networkx(topology, "topology"), seed=3)
        whole = schedule.times(0, 200).tolist()
        for n, m in ((0, 1), (3, 17), (17, 18), (19, 19), (40, 200)):
            part = [time for time in whole if n < time <= m]
            assert schedule.times(n, m).tolist() == part
            assert schedule.count(m) == sum(time <= m for time in whole)
            assert schedule.aggregates(m) == (m in whole)
            if isinstance(schedule, Recurring):
                order = schedule.order(n, m).tolist()
                assert [schedule.planned[k] for k in order] == list(map(schedule.mixing, part))
                assert schedule.uses(n, m).tolist() == [
                    order.count(k) for k in range(len(schedule.planned))
                ]
        assert schedule.first(5, 200).tolist() == whole[:5]
        assert schedule.first(5, 2).tolist() == [time for time in whole if time <= 2]

    def test_second_moment_is_the_mean_of_the_squares(self, topology: nx.Graph) -> None:
        """Entry by entry, within four of the largest standard errors that 600 draws can have."""
        agents = len(topology)
        schedule = self.pattern.start(Graph.from_networkx(topology, "topology"), seed=3)
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
            assert is_average or not self.pattern.uses_topology or not W[~allowed].any()

    def test_same_on_every_rank_and_in_any_order(self, topology: nx.Graph) -> None:
        whole = self.matrices(topology)
        schedule = self.pattern.start(Graph.from_networkx(topology, "topology"), seed=3)
        for n in (self.steps, 7, 8, self.steps, 1):
            np.testing.assert_array_equal(matrix(schedule, n, len(topology)), whole[n - 1])

    def test_contraction_brings_agents_together(self, topology: nx.Graph) -> None:
        agents = len(topology)
        if agents == 1 or (agents == 2 and not self.contracts):
            return
        product = np.eye(agents)
        schedule = self.pattern.start(Graph.from_networkx(topology, "topology"), seed=3)
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
        schedule = self.pattern.start(Graph.from_networkx(topology, "topology"), seed=3)
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
        schedule = self.pattern.start(Graph.from_networkx(nx.path_graph(9), "topology"), seed=3)
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
        """‖E[WᵀW] − J‖ < 1, but the rounds hang together: the others only change places."""
        schedule = self.pattern.start(Graph.from_networkx(topology, "topology"), seed=3)
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
        schedule = self.pattern.start(Graph.from_networkx(graph, "topology"), seed=3)
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
        schedule = self.pattern.start(Graph.from_networkx(graph, "topology"), seed=3)
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
        schedule = self.pattern.start(Graph.from_networkx(graph, "topology"), seed=3)
        assert isinstance(schedule, OnLinks)
        good = np.array([schedule.there(n).copy() for n in range(1, 2001)], dtype=bool)
        for state, change in ((True, 0.9), (False, 0.7)):
            changes = (good[1:] != good[:-1])[good[:-1] == state]
            assert abs(changes.mean() - change) < 4 * np.sqrt(change * (1 - change) / changes.size)


class TestDropOut(PatternContract):
    pattern = DropOut(leave=0.2, rejoin=0.5)
    contracts = False
    exact = False

    def test_one_that_is_out_mixes_with_nobody(self) -> None:
        graph = TOPOLOGIES["star"]
        centre_out = [W for W in self.matrices(graph) if W[0, 0] == 1]
        assert 3 < len(centre_out) < 25
        assert all((np.eye(7) == W).all() for W in centre_out)


@pytest.mark.parametrize(
    ("interval", "times"),
    [
        (3, [3, 6, 9, 12]),
        # ⌈log l⌉ = 1 for l ≤ 2, 2 for l ≤ 7, 3 for l ≤ 20.
        ("log", [1, 2, 4, 6, 8, 10, 12]),
        ("loglog", list(range(1, 13))),
        ([4, 1], [4, 5, 6, 7, 8, 9, 10, 11, 12]),
    ],
)
def test_aggregation_times(interval: object, times: list[int]) -> None:
    schedule = AggregationTimes(interval)
    assert schedule.between(0, 12).tolist() == times
    assert [schedule.number(n) for n in times] == list(range(1, len(times) + 1))


def test_increasing_intervals_follow_the_formula() -> None:
    for name, growth in (("log", math.log), ("loglog", lambda l: math.log(max(1, math.log(l))))):
        expected = np.cumsum([max(1, math.ceil(growth(l))) for l in range(1, 400)])
        got = AggregationTimes(name).between(0, int(expected[-1]))
        np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("name", ["log", "loglog"])
def test_increasing_intervals_have_a_closed_form(name: str) -> None:
    """Against the formula, term by term, and the ends of its pieces in 60 digits."""
    schedule = AggregationTimes(name)  # type: ignore[arg-type]
    growth = np.log(np.arange(1, 1_000_001))
    if name == "loglog":
        growth = np.log(np.maximum(1, growth))
    times = np.cumsum(np.maximum(1, np.ceil(growth)).astype(np.int64))
    np.testing.assert_array_equal(schedule.between(0, int(times[-1])), times)
    counts = np.searchsorted(times, np.arange(5000), side="right")
    assert [schedule.number(n) for n in range(5000)] == counts.tolist()
    with localcontext(prec=60):
        ends = [Decimal(k).exp() for k in range(1, 22)]
        if name == "loglog":
            ends = [end.exp() for end in ends[:3]]
        assert schedule._before[1:] == [int(end) for end in ends]


@pytest.mark.parametrize(
    "pattern",
    [DSGD(), DFL(), LSGDRC(interval="loglog"), DFL(interval=[5, 2]), HLSGD(inner=7, outer=12)],
)
def test_questions_about_many_steps_take_no_more_than_their_answers(pattern: Pattern) -> None:
    schedule = pattern.start(Graph.from_networkx(TOPOLOGIES["random"], "topology"), seed=3)
    last = 2**31 - 1
    tracemalloc.start()
    assert schedule.count(last) > 8e7
    tail = schedule.times(last - 1000, last)
    assert len(tail) == schedule.count(last) - schedule.count(last - 1000)
    assert schedule.first(3, last).tolist() == schedule.times(0, 100)[:3].tolist()
    assert schedule.mixing(int(tail[0])) in schedule.planned  # type: ignore[attr-defined]
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1e6


def test_a_state_late_in_the_run_is_not_replayed_from_its_start() -> None:
    """Chains that change once in 50 draws are known after looking back some hundreds."""
    for pattern in (UnreliableLinks(failure=0.01, recovery=0.01), DropOut(leave=0.01, rejoin=0.02)):
        schedule = pattern.start(Graph.from_networkx(TOPOLOGIES["random"], "topology"), seed=3)
        assert isinstance(schedule, OnLinks)
        started = time.process_time()
        late = schedule.there(2**31 - 1).copy()
        assert time.process_time() - started < 1
        from_before = pattern.start(Graph.from_networkx(TOPOLOGIES["random"], "topology"), seed=3)
        assert isinstance(from_before, OnLinks)
        for number in range(2**31 - 300, 2**31):
            there = from_before.there(number)
        np.testing.assert_array_equal(there, late)


def of_order(edges: list[tuple[int, int]]) -> frozenset[tuple[int, int]]:
    """The edges that are taken in this order where both ends are free."""
    taken: list[tuple[int, int]] = []
    for edge in edges:
        if not {*edge} & {end for other in taken for end in other}:
            taken.append(edge)
    return frozenset(taken)


SMALL = [nx.path_graph(5), nx.cycle_graph(6), nx.star_graph(4), nx.complete_graph(4)]


@pytest.mark.parametrize("graph", [*SMALL, nx.lollipop_graph(3, 2)])
def test_matchings_are_those_of_uniform_orders(graph: nx.Graph) -> None:
    """Against all orders one by one; one test at level 1e-4 for each graph."""
    orders = Counter(map(of_order, itertools.permutations(sorted(graph.edges))))
    probability = {matching: k / orders.total() for matching, k in orders.items()}
    schedule = RandomMatching().start(Graph.from_networkx(graph, "topology"), seed=3)
    assert isinstance(schedule, OnLinks)
    ends = list(zip(schedule.i.tolist(), schedule.j.tolist(), strict=True))
    draws = 4000
    found = Counter(
        frozenset(itertools.compress(ends, schedule.there(number).tolist()))
        for number in range(1, draws + 1)
    )
    assert set(found) <= set(probability)
    if len(probability) > 1:
        counts = [found[matching] for matching in probability]
        assert chisquare(counts, [draws * p for p in probability.values()]).pvalue > 1e-4
    shares = [sum(p for matching, p in probability.items() if e in matching) for e in ends]
    exact = shares_of_edges(len(graph), schedule.i, schedule.j)
    np.testing.assert_allclose(exact, shares, rtol=1e-12)


def test_equivalent_patterns() -> None:
    graph = nx.complete_graph(6)
    compressed = Graph.from_networkx(graph, "topology")

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
    topology = Graph.from_networkx(nx.complete_graph(6), "topology")
    with pytest.raises(ConfigurationError, match=message):
        HLSGD(clusters=clusters).start(topology, seed=1)


def test_more_participants_than_agents() -> None:
    topology = Graph.from_networkx(nx.complete_graph(6), "topology")
    with pytest.raises(ConfigurationError, match="expected at most 6 agents, got 7"):
        LSGDPP(participants=7).start(topology, seed=1)


def test_contraction_is_the_norm(topology: nx.Graph) -> None:
    W = reference.metropolis(topology)
    expected = np.sqrt(max(0, np.linalg.eigvalsh(W.T @ W - 1 / len(W)).max()))
    schedule = DSGD().start(Graph.from_networkx(topology, "topology"), seed=1)
    assert contraction(schedule, len(topology)).factor == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize(
    ("pattern", "squared"),
    [
        (LSGDPP(participants=2), 98 / 99),
        (LSGDPP(participants=100), 0),
        (HLSGD(outer=200), 199 / 200),
        (HLSGD(inner=4, outer=6), 2 / 4),
        (Centralized(), 0),
        (RandomMatching(), 1 - 50 / 99),
    ],
)
def test_contraction_of_a_hundred_agents_is_exact(pattern: Pattern, squared: float) -> None:
    topology = Graph.from_networkx(nx.complete_graph(100), "topology")
    found = contraction(pattern.start(topology, 1), 100)
    assert found.factor**2 == pytest.approx(squared, abs=1e-12)
    assert not found.vanishes
    assert pattern.start(topology, 1).contracts(100)
    assert found.error == 0


@pytest.mark.parametrize(
    "pattern",
    [UnreliableLinks(failure=1e-7), UnreliableLinks(failure=1 - 1e-7), DropOut(leave=1e-7)],
)
def test_rare_failures_and_rare_links_bring_the_agents_together(pattern: Pattern) -> None:
    for graph in (nx.cycle_graph(100), nx.hypercube_graph(5)):
        topology = Graph.from_networkx(nx.convert_node_labels_to_integers(graph), "topology")
        assert pattern.start(topology, 1).contracts(len(topology))


@pytest.mark.parametrize(
    "pattern",
    [
        LSGDPP(participants=1),
        UnreliableLinks(failure=0),
        DropOut(leave=0),
        DSGDVT(topologies=[Ring()]),
    ],
)
def test_what_never_contracts_is_known(pattern: Pattern) -> None:
    for agents in (6, 600):
        topology = Graph.from_networkx(nx.cycle_graph(agents), "topology")
        schedule = pattern.start(topology, 1)
        assert contraction(schedule, agents).vanishes
        assert not schedule.contracts(agents)


@pytest.mark.parametrize(
    "pattern",
    [UnreliableLinks(failure=0.3), DropOut(leave=0.2), RandomMatching(), DSGD(), DSGDVT()],
)
def test_estimates_are_near_what_is_exact(pattern: Pattern) -> None:
    """Within five of the errors that they state."""
    topology = Graph.from_networkx(nx.wheel_graph(8), "topology")
    schedule = pattern.start(topology, 3)
    exact, found = contraction(schedule, 8), estimated(schedule, 8)
    assert exact.error == 0
    assert found.error < 0.03
    assert abs(found.factor - exact.factor) <= 5 * found.error + 1e-9
    assert (found.error == 0) == isinstance(pattern, DSGD)
    assert ("±" in found.gap) == (found.error > 0)


def test_matchings_of_many_agents_are_estimated() -> None:
    topology = Graph.from_networkx(nx.cycle_graph(60), "topology")
    found = contraction(RandomMatching().start(topology, 3), 60)
    # Each edge of a long ring is taken with probability (1 − e⁻²) / 2 (Flory, 1939).
    slowest = 2 - 2 * math.cos(2 * math.pi / 60)
    expected = math.sqrt(1 - (1 - math.exp(-2)) / 4 * slowest)
    assert 0 < found.error < 1e-3
    assert abs(found.factor - expected) < 5 * found.error


@pytest.mark.parametrize("pattern", [Centralized(), LSGDPP(participants=2), HLSGD(), DSGD()])
def test_ten_thousand_agents_take_no_time(pattern: Pattern) -> None:
    for graph in (nx.cycle_graph(10_000), nx.star_graph(9_999)):
        topology = Graph.from_networkx(graph, "topology")
        schedule = pattern.start(topology, 1)
        started = time.process_time()
        contraction(schedule, 10_000)
        assert time.process_time() - started < 2


def test_the_largest_eigenvalue_comes_with_its_vector() -> None:
    W = reference.metropolis(nx.path_graph(40))
    value, v = largest(lambda u: W @ (W @ u), 40)
    assert value == pytest.approx(np.linalg.eigvalsh(W @ W - 1 / 40)[-1], abs=1e-9)
    np.testing.assert_allclose(W @ (W @ v), value * v, atol=1e-6)


def test_large_and_small_topologies_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    schedule = DSGD().start(Graph.from_networkx(TOPOLOGIES["random"], "topology"), seed=1)
    dense = contraction(schedule, 17).factor
    monkeypatch.setattr("udsgd_mpi.communication.second_moment._DENSE_AGENTS", 0)
    assert contraction(schedule, 17).factor == pytest.approx(dense, rel=1e-10)


@pytest.mark.parametrize("agents", [2, 4, 8])
def test_metropolis_swaps_for_ever_on_an_even_ring_and_lazy_weights_do_not(agents: int) -> None:
    topology = Graph.from_networkx(nx.cycle_graph(agents), "topology")
    assert contraction(DSGD().start(topology, 1), agents).factor == pytest.approx(1, abs=1e-14)
    assert contraction(DSGD(weights="lazy").start(topology, 1), agents).factor < 0.99
