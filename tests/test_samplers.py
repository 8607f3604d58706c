"""Every sampler moves as its definition says, and visits each point as often as π says."""

from itertools import islice

import networkx as nx
import numpy as np
import pytest

from tests import reference
from tests.topologies import from_networkx
from udsgd_mpi.graphs.generators import Ring
from udsgd_mpi.samplers import (
    HDT,
    IID,
    MHRW,
    NBRW,
    SRRW,
    SRW,
    PathsOfSeveral,
    Reshuffling,
    Sampler,
    SingleShuffling,
    Stream,
    Streams,
)

SEED = 11
AGENT = 3


def lollipop() -> nx.Graph:
    """A clique with a tail: degrees 1, 2, 4 and 5, and a node to turn back at."""
    return nx.lollipop_graph(5, 3)


def random_graph() -> nx.Graph:
    return nx.connected_watts_strogatz_graph(30, 4, 0.3, seed=2)


class SamplerContract:
    """What every sampler promises; a subclass names the sampler and its reference path."""

    sampler: Sampler
    lazy = False  # whether it may stay where it is
    bias = 0.0  # relative departure from π that is left after 10,000 steps

    def reference_path(self, graph: nx.Graph, trial: int) -> "reference.Iterator[int]":
        raise NotImplementedError

    @pytest.fixture(params=[lollipop, random_graph], ids=lambda make: make.__name__)
    def graph(self, request: pytest.FixtureRequest) -> nx.Graph:
        return request.param()

    def draw(self, graph: nx.Graph, blocks: list[int], **stream: int) -> np.ndarray:
        path = self.sampler.start(
            len(graph),
            from_networkx(graph, "graph"),
            Stream(**({"seed": SEED, "agent": AGENT, "trials": 6} | stream)),
        )
        out = np.empty((sum(blocks), stream.get("trials", 6)), dtype=np.int32)
        start = 0
        for steps in blocks:
            path.draw(out[start : start + steps])
            start += steps
        return out

    def test_path_equals_the_definition(self, graph: nx.Graph) -> None:
        got = self.draw(graph, [2000])
        for trial in (0, 5):
            expected = list(islice(self.reference_path(graph, trial), 2000))
            np.testing.assert_array_equal(got[:, trial], expected)

    def test_block_size_does_not_matter(self, graph: nx.Graph) -> None:
        whole = self.draw(graph, [700])
        np.testing.assert_array_equal(self.draw(graph, [1, 2, 300, 97, 299, 1]), whole)

    @pytest.mark.parametrize("n", [0, 1, 130, 1400])
    def test_a_path_goes_on_from_its_memory(self, graph: nx.Graph, n: int) -> None:
        whole = self.draw(graph, [1500])
        first, second = (
            self.sampler.start(len(graph), from_networkx(graph, "graph"), Stream(SEED, AGENT, 6))
            for _ in range(2)
        )
        first.draw(np.empty((n, 6), dtype=np.int32))
        second.recall(first.n, {name: values.copy() for name, values in first.memory.items()})
        rest = np.empty((1500 - n, 6), dtype=np.int32)
        second.draw(rest)
        np.testing.assert_array_equal(rest, whole[n:])

    def test_a_trial_does_not_know_the_others(self, graph: nx.Graph) -> None:
        whole = self.draw(graph, [300])
        alone = self.draw(graph, [300], trials=1, first_trial=5)
        np.testing.assert_array_equal(alone[:, 0], whole[:, 5])

    def test_agents_draw_together_as_each_does_alone(self, graph: nx.Graph) -> None:
        """Whatever other agents' samplers and graphs are, and however many share one."""
        own, ring = from_networkx(graph, "graph"), Ring().draw(9, 0)
        graphs = [own, ring, own, ring, own]
        samplers = [self.sampler, self.sampler, IID(), self.sampler, self.sampler]
        points = [len(each) for each in graphs]
        numbers = np.array([4, 0, 7, AGENT, 2])
        together = PathsOfSeveral(samplers, points, graphs, Streams(SEED, numbers, 3))
        whole = np.empty((900, 5, 3), dtype=np.int32)
        for first, last in ((0, 1), (1, 600), (600, 900)):
            together.draw(whole[first:last])
        again = PathsOfSeveral(samplers, points, graphs, Streams(SEED, numbers, 3))
        again.recall(900, [together.memory(k) for k in range(5)])
        rest = [np.empty((50, 5, 3), dtype=np.int32) for _ in range(2)]
        together.draw(rest[0])
        again.draw(rest[1])
        np.testing.assert_array_equal(*rest)
        for k, sampler in enumerate(samplers):
            path = sampler.start(points[k], graphs[k], Stream(SEED, int(numbers[k]), 3))
            alone = np.empty((900, 3), dtype=np.int32)
            path.draw(alone)
            np.testing.assert_array_equal(whole[:, k], alone)
            for name, values in path.memory.items():
                assert name in again.memory(k)
                assert values.shape == again.memory(k)[name].shape

    def test_other_agents_and_seeds_draw_otherwise(self, graph: nx.Graph) -> None:
        whole = self.draw(graph, [300])
        assert (self.draw(graph, [300], agent=AGENT + 1) != whole).any()
        assert (self.draw(graph, [300], seed=SEED + 1) != whole).any()

    def test_moves_only_along_edges(self, graph: nx.Graph) -> None:
        if not self.sampler.on_graph:
            return
        path = self.draw(graph, [500])
        for trial in range(path.shape[1]):
            steps = zip(path[:-1, trial].tolist(), path[1:, trial].tolist(), strict=True)
            assert all(graph.has_edge(i, j) or (self.lazy and i == j) for i, j in steps)

    def test_visits_reach_the_stationary_law(self, graph: nx.Graph) -> None:
        # Up to 30 normal deviates over independent trials; one beyond 5 has probability 2e-5.
        path = self.draw(graph, [10_000, 20_000], trials=100)[10_000:]
        visits = np.stack([(path == x).mean(axis=0) for x in range(len(graph))])
        law = self.sampler.stationary_law(len(graph), from_networkx(graph, "graph"))
        error = visits.std(axis=1, ddof=1) / np.sqrt(100)
        assert (abs(visits.mean(axis=1) - law) < 5 * error + self.bias * law + 1e-12).all()

    def test_unbiased_weights_recover_the_uniform_mean(self, graph: nx.Graph) -> None:
        compressed = from_networkx(graph, "graph")
        law = self.sampler.stationary_law(len(graph), compressed)
        weights = self.sampler.importance_weights("unbiased", len(graph), compressed)
        gradients = np.random.default_rng(0).normal(size=(len(graph), 3))
        uniform = gradients.mean(axis=0)
        np.testing.assert_allclose((law * weights) @ gradients, uniform, atol=1e-14)
        path = self.draw(graph, [10_000, 10_000], trials=100)[10_000:]
        means = (weights[path][..., None] * gradients[path]).mean(axis=0)
        error = means.std(axis=0, ddof=1) / np.sqrt(100)
        # Three normal deviates; one beyond 5 has probability 2e-6.
        slack = 5 * error + self.bias * abs(gradients).mean(axis=0) + 1e-12
        assert (abs(means.mean(axis=0) - uniform) < slack).all()


class TestIID(SamplerContract):
    sampler = IID()

    def reference_path(self, graph: nx.Graph, trial: int) -> "reference.Iterator[int]":
        return reference.iid_path(len(graph), SEED, AGENT, trial)


class TestSRW(SamplerContract):
    sampler = SRW()

    def reference_path(self, graph: nx.Graph, trial: int) -> "reference.Iterator[int]":
        return reference.walk("srw", graph, SEED, AGENT, trial)


class TestNBRW(SamplerContract):
    sampler = NBRW()

    def reference_path(self, graph: nx.Graph, trial: int) -> "reference.Iterator[int]":
        return reference.walk("nbrw", graph, SEED, AGENT, trial)

    def test_goes_back_only_from_a_leaf(self, graph: nx.Graph) -> None:
        path = self.draw(graph, [2000])
        back = path[2:] == path[:-2]
        leaves = [v for v in graph if graph.degree(v) == 1]
        assert np.isin(path[1:-1][back], leaves).all()
        assert back.any() == bool(leaves)


class TestSRRW(SamplerContract):
    sampler = SRRW(alpha=20, b=0.8)
    bias = 0.003

    def reference_path(self, graph: nx.Graph, trial: int) -> "reference.Iterator[int]":
        return reference.walk("srrw", graph, SEED, AGENT, trial, alpha=20, b=0.8)


class TestSlowlyForgettingSRRW(SamplerContract):
    """β_n falls slowly, so that the running scale of x passes its smallest value several times."""

    sampler = SRRW(alpha=2.5, b=0.51)
    bias = 0.03

    def reference_path(self, graph: nx.Graph, trial: int) -> "reference.Iterator[int]":
        return reference.walk("srrw", graph, SEED, AGENT, trial, alpha=2.5, b=0.51)

    def test_rescaling_was_exercised(self) -> None:
        n = np.arange(1, 20_001)
        assert np.log2(1 - (n + 1) ** -0.51).sum() < -300

    def test_path_survives_rescaling(self) -> None:
        graph = lollipop()
        got = self.draw(graph, [20_000])
        expected = list(islice(self.reference_path(graph, 2), 20_000))
        np.testing.assert_array_equal(got[:, 2], expected)


class TestSingleShuffling(SamplerContract):
    sampler = SingleShuffling()

    def reference_path(self, graph: nx.Graph, trial: int) -> "reference.Iterator[int]":
        return reference.shuffled(len(graph), SEED, AGENT, trial, epochs=1)


class TestReshuffling(SamplerContract):
    sampler = Reshuffling()

    def reference_path(self, graph: nx.Graph, trial: int) -> "reference.Iterator[int]":
        return reference.shuffled(len(graph), SEED, AGENT, trial, epochs=10**9)

    def test_every_epoch_holds_every_point_once(self, graph: nx.Graph) -> None:
        points = len(graph)
        epochs = self.draw(graph, [50 * points]).reshape(50, points, 6)
        assert (np.sort(epochs, axis=1) == np.arange(points)[:, None]).all()
        assert (epochs[0] != epochs[1]).any()

    def test_orders_are_uniform(self) -> None:
        # The 6 orders of 3 points in 6,000 epochs of 6 trials: one test at level 1e-4.
        from scipy.stats import chisquare

        epochs = self.draw(nx.path_graph(3), [18_000]).reshape(6000, 3, 6)
        codes = (epochs * np.array([9, 3, 1])[:, None]).sum(axis=1).ravel()
        counts = np.unique(codes, return_counts=True)[1]
        assert len(counts) == 6
        assert chisquare(counts).pvalue > 1e-4


class TestMHRW(SamplerContract):
    sampler = MHRW()
    lazy = True

    def reference_path(self, graph: nx.Graph, trial: int) -> "reference.Iterator[int]":
        return reference.metropolis_walk(graph, SEED, AGENT, trial, alpha=0, b=1)


class TestHDT(SamplerContract):
    sampler = HDT(alpha=3, b=0.8)
    lazy = True
    bias = 0.01

    def reference_path(self, graph: nx.Graph, trial: int) -> "reference.Iterator[int]":
        return reference.metropolis_walk(graph, SEED, AGENT, trial, alpha=3, b=0.8)


def test_hdt_with_no_repulsion_is_mhrw() -> None:
    graph = from_networkx(lollipop(), "graph")
    paths = []
    for sampler in (MHRW(), HDT(alpha=0)):
        out = np.empty((1000, 5), dtype=np.int32)
        sampler.start(len(graph), graph, Stream(SEED, AGENT, 5)).draw(out)
        paths.append(out)
    np.testing.assert_array_equal(*paths)


def test_srrw_with_no_repulsion_is_srw_in_law() -> None:
    # Transition counts of 200 trials against uniform neighbours: chi-square at level 1e-4.
    from scipy.stats import chisquare

    graph = lollipop()
    compressed = from_networkx(graph, "graph")
    path = SRRW(alpha=0).start(len(graph), compressed, Stream(SEED, AGENT, 200))
    out = np.empty((500, 200), dtype=np.int32)
    path.draw(out)
    for node in graph:
        after = out[1:][out[:-1] == node]
        counts = [(after == j).sum() for j in graph[node]]
        if len(counts) > 1:
            assert chisquare(counts).pvalue > 1e-4 / len(graph)
