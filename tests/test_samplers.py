"""Every sampler moves as its definition says, and visits each point as often as π says."""

from itertools import islice

import networkx as nx
import numpy as np
import pytest

from tests import reference
from tests.contracts import WithoutRuns
from udsgd_mpi.graphs.transitions import TransitionMatrix
from udsgd_mpi.graphs.visits import Visits
from udsgd_mpi.samplers import (
    HDT,
    IID,
    MHRW,
    NBRW,
    SRRW,
    SRW,
    Chain,
    CustomSampler,
    InOrder,
    PathsOfSeveral,
    Reshuffling,
    SingleShuffling,
    Stream,
    Streams,
    Trace,
)
from udsgd_mpi.testing import SamplerContract
from udsgd_mpi.testing.graphs import DATA_GRAPHS, from_networkx
from udsgd_mpi.testing.samplers import AGENT, DEVIATIONS, SEED, standard_error


class OwnContract(WithoutRuns, SamplerContract):
    """What the package's own samplers keep beside; a subclass names the reference path."""

    lazy = False  # whether it may stay where it is

    def reference_path(self, graph: nx.Graph, trial: int) -> "reference.Iterator[int]":
        raise NotImplementedError

    @pytest.fixture(params=DATA_GRAPHS.values(), ids=DATA_GRAPHS)
    def graph(self, request: pytest.FixtureRequest) -> nx.Graph:
        return request.param

    def test_path_equals_the_definition(self, graph: nx.Graph) -> None:
        got = self.draw(graph, [2000])
        for trial in (0, 5):
            expected = list(islice(self.reference_path(graph, trial), 2000))
            np.testing.assert_array_equal(got[:, trial], expected)

    def test_other_agents_and_seeds_draw_otherwise(self, graph: nx.Graph) -> None:
        whole = self.draw(graph, [300])
        assert (self.draw(graph, [300], agent=AGENT + 1) != whole).any()
        assert (self.draw(graph, [300], seed=SEED + 1) != whole).any()

    def test_agents_go_on_together_from_their_memories(self, graph: nx.Graph) -> None:
        """Whatever other agents' samplers and graphs are, and however many share one."""
        circle = nx.cycle_graph(9)
        own, ring = self.ground(graph), self.ground(circle)
        graphs = [own, ring, own, ring, own]
        samplers = [self.sampler, self.sampler, IID(), self.sampler, self.sampler]
        points = [len(each) for each in (graph, circle, graph, circle, graph)]
        streams = Streams(SEED, np.array([4, 0, 7, AGENT, 2]), 3)
        first, second = (PathsOfSeveral(samplers, points, graphs, streams) for _ in range(2))
        first.draw(np.empty((900, 5, 3), dtype=np.int32))
        second.recall(900, [first.memory(k) for k in range(5)])
        rest = [np.empty((50, 5, 3), dtype=np.int32) for _ in range(2)]
        first.draw(rest[0])
        second.draw(rest[1])
        np.testing.assert_array_equal(*rest)
        for k, sampler in enumerate(samplers):
            alone = sampler.start(points[k], graphs[k], Stream(SEED, 0, 3)).memory
            beside = first.memory(k)
            assert all(values.shape == beside[name].shape for name, values in alone.items())

    def test_weighted_means_along_paths_are_unbiased(self, graph: nx.Graph) -> None:
        weights = self.sampler.importance_weights("unbiased", len(graph), self.ground(graph))
        gradients = np.random.default_rng(0).normal(size=(len(graph), 3))
        means = self.visits(graph, 10_000) * weights @ gradients
        # Three normal deviates; one beyond 5 has probability 2e-6.
        slack = DEVIATIONS * standard_error(means) + self.bias * abs(gradients).mean(axis=0)
        assert (abs(means.mean(axis=0) - gradients.mean(axis=0)) < slack + 1e-12).all()

    def test_moves_only_along_edges(self, graph: nx.Graph) -> None:
        if not self.sampler.on_graph:
            return
        path = self.draw(graph, [500])
        for trial in range(path.shape[1]):
            steps = zip(path[:-1, trial].tolist(), path[1:, trial].tolist(), strict=True)
            assert all(graph.has_edge(i, j) or (self.lazy and i == j) for i, j in steps)


class TestIID(OwnContract):
    sampler = IID()

    def reference_path(self, graph: nx.Graph, trial: int) -> "reference.Iterator[int]":
        return reference.iid_path(len(graph), SEED, AGENT, trial)


class TestSRW(OwnContract):
    sampler = SRW()

    def reference_path(self, graph: nx.Graph, trial: int) -> "reference.Iterator[int]":
        return reference.walk("srw", graph, SEED, AGENT, trial)


class TestNBRW(OwnContract):
    sampler = NBRW()

    def reference_path(self, graph: nx.Graph, trial: int) -> "reference.Iterator[int]":
        return reference.walk("nbrw", graph, SEED, AGENT, trial)

    def test_goes_back_only_from_a_leaf(self, graph: nx.Graph) -> None:
        path = self.draw(graph, [2000])
        back = path[2:] == path[:-2]
        leaves = [v for v in graph if graph.degree(v) == 1]
        assert np.isin(path[1:-1][back], leaves).all()
        assert back.any() == bool(leaves)


class TestSRRW(OwnContract):
    sampler = SRRW(alpha=20, b=0.8)
    bias = 0.003

    def reference_path(self, graph: nx.Graph, trial: int) -> "reference.Iterator[int]":
        return reference.walk("srrw", graph, SEED, AGENT, trial, alpha=20, b=0.8)


class TestSlowlyForgettingSRRW(OwnContract):
    """β_n falls slowly, so that the running scale of x passes its smallest value several times."""

    sampler = SRRW(alpha=2.5, b=0.51)
    bias = 0.03

    def reference_path(self, graph: nx.Graph, trial: int) -> "reference.Iterator[int]":
        return reference.walk("srrw", graph, SEED, AGENT, trial, alpha=2.5, b=0.51)

    def test_rescaling_was_exercised(self) -> None:
        n = np.arange(1, 20_001)
        assert np.log2(1 - (n + 1) ** -0.51).sum() < -300

    def test_path_survives_rescaling(self) -> None:
        graph = DATA_GRAPHS["lollipop"]
        got = self.draw(graph, [20_000])
        expected = list(islice(self.reference_path(graph, 2), 20_000))
        np.testing.assert_array_equal(got[:, 2], expected)


class TestSingleShuffling(OwnContract):
    sampler = SingleShuffling()

    def reference_path(self, graph: nx.Graph, trial: int) -> "reference.Iterator[int]":
        return reference.shuffled(len(graph), SEED, AGENT, trial, epochs=1)


class TestReshuffling(OwnContract):
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


class TestMHRW(OwnContract):
    sampler = MHRW()
    lazy = True

    def reference_path(self, graph: nx.Graph, trial: int) -> "reference.Iterator[int]":
        return reference.metropolis_walk(graph, SEED, AGENT, trial, alpha=0, b=1)


class TestHDT(OwnContract):
    sampler = HDT(alpha=3, b=0.8)
    lazy = True
    bias = 0.01

    def reference_path(self, graph: nx.Graph, trial: int) -> "reference.Iterator[int]":
        return reference.metropolis_walk(graph, SEED, AGENT, trial, alpha=3, b=0.8)


class TestChain(OwnContract):
    """The transition matrix of the simple random walk: the same path."""

    sampler = Chain(path="P.npz")

    def ground(self, graph: nx.Graph) -> TransitionMatrix:
        P = nx.to_numpy_array(graph, nodelist=range(len(graph)), weight=None)
        return TransitionMatrix.of(P / P.sum(axis=1, keepdims=True), "P")

    def reference_path(self, graph: nx.Graph, trial: int) -> "reference.Iterator[int]":
        return reference.walk("srw", graph, SEED, AGENT, trial)


class TestUnevenChain(OwnContract):
    """Rows of different lengths and probabilities, not reversible."""

    sampler = Chain(path="P.npz")
    lazy = True

    def ground(self, graph: nx.Graph) -> TransitionMatrix:
        return TransitionMatrix.of(uneven(graph), "P")

    def reference_path(self, graph: nx.Graph, trial: int) -> "reference.Iterator[int]":
        return reference.chain(uneven(graph), SEED, AGENT, trial)

    def test_transitions_have_their_probabilities(self, graph: nx.Graph) -> None:
        # Chi-square of each row's counts over 400 trials at level 1e-4 over all rows.
        from scipy.stats import chisquare

        P, path = uneven(graph), self.draw(graph, [500], trials=400)
        for x in graph:
            after = path[1:][path[:-1] == x]
            possible = np.flatnonzero(P[x])
            counts = [(after == y).sum() for y in possible]
            assert sum(counts) == len(after)
            expected = P[x, possible] * len(after)
            assert chisquare(counts, expected).pvalue > 1e-4 / len(graph)


def uneven(graph: nx.Graph) -> np.ndarray:
    """P of a walk that prefers some neighbours, and may stay."""
    n = len(graph)
    P = np.random.default_rng(4).random((n, n)) ** 3
    P *= nx.to_numpy_array(graph, nodelist=range(n), weight=None) + 0.2 * np.eye(n)
    return np.asarray(P / P.sum(axis=1, keepdims=True))


class TestTrace(OwnContract):
    """Recorded visits, more often to some points than to others."""

    sampler = Trace(path="visits.txt")
    lazy = True

    def ground(self, graph: nx.Graph) -> Visits:
        return Visits(recorded(graph))

    def reference_path(self, graph: nx.Graph, trial: int) -> "reference.Iterator[int]":
        return reference.replayed(recorded(graph).tolist(), SEED, AGENT, trial)

    def test_all_trials_may_begin_at_the_first_visit(self, graph: nx.Graph) -> None:
        path = Trace(path="visits.txt", start_at="first").start(
            len(graph), self.ground(graph), Stream(SEED, AGENT, 3)
        )
        out = np.empty((500, 3), dtype=np.int32)
        path.draw(out)
        expected = np.tile(recorded(graph), 500)[:500]
        np.testing.assert_array_equal(out, np.repeat(expected[:, None], 3, axis=1))


class TestStream(OwnContract):
    sampler = InOrder()
    lazy = True

    def reference_path(self, graph: nx.Graph, trial: int) -> "reference.Iterator[int]":
        return reference.replayed([*range(len(graph))], SEED, AGENT, trial)


def recorded(graph: nx.Graph) -> np.ndarray:
    n = len(graph)
    visits = [*range(n), *np.random.default_rng(5).integers(n, size=97)]
    return np.array(visits, dtype=np.int32)


class TestOwnLazyWalk(OwnContract):
    sampler = CustomSampler(path="tests.own_sampler:LazyWalk", arguments={"stay": 0.3})
    lazy = True

    def reference_path(self, graph: nx.Graph, trial: int) -> "reference.Iterator[int]":
        return reference.lazy_walk(graph, 0.3, SEED, AGENT, trial)


class TestOwnMetropolis(OwnContract):
    """Two numbers a step: the path of the package's own walk."""

    sampler = CustomSampler(path="tests.own_sampler:Metropolis")
    lazy = True

    def reference_path(self, graph: nx.Graph, trial: int) -> "reference.Iterator[int]":
        return reference.metropolis_walk(graph, SEED, AGENT, trial, alpha=0, b=1)


class TestOwnLevyJumps(OwnContract):
    """Without a graph or any theory, and steps of a block drawn at once."""

    sampler = CustomSampler(path="tests.own_sampler:LevyJumps", arguments={"exponent": 1.2})

    def reference_path(self, graph: nx.Graph, trial: int) -> "reference.Iterator[int]":
        return reference.levy_jumps(len(graph), 1.2, SEED, AGENT, trial)


def test_hdt_with_no_repulsion_is_mhrw() -> None:
    graph = from_networkx(DATA_GRAPHS["lollipop"])
    paths = []
    for sampler in (MHRW(), HDT(alpha=0)):
        out = np.empty((1000, 5), dtype=np.int32)
        sampler.start(len(graph), graph, Stream(SEED, AGENT, 5)).draw(out)
        paths.append(out)
    np.testing.assert_array_equal(*paths)


def test_srrw_with_no_repulsion_is_srw_in_law() -> None:
    # Transition counts of 200 trials against uniform neighbours: chi-square at level 1e-4.
    from scipy.stats import chisquare

    graph = DATA_GRAPHS["lollipop"]
    compressed = from_networkx(graph)
    path = SRRW(alpha=0).start(len(graph), compressed, Stream(SEED, AGENT, 200))
    out = np.empty((500, 200), dtype=np.int32)
    path.draw(out)
    for node in graph:
        after = out[1:][out[:-1] == node]
        counts = [(after == j).sum() for j in graph[node]]
        if len(counts) > 1:
            assert chisquare(counts).pvalue > 1e-4 / len(graph)
