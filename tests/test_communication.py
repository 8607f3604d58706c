"""Every W_n is doubly stochastic, lives on the topology, and brings the agents together."""

import networkx as nx
import numpy as np
import pytest

from tests import reference
from udsgd_mpi.communication import (
    DSGD,
    Centralized,
    Pattern,
    contraction,
    lazy,
    matrix,
    metropolis,
)
from udsgd_mpi.graphs import Graph

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

    def matrices(self, topology: nx.Graph) -> list[np.ndarray]:
        schedule = self.pattern.start(Graph.from_networkx(topology, "topology"), seed=3)
        return [matrix(schedule, n, len(topology)) for n in range(1, self.steps + 1)]

    def test_doubly_stochastic(self, topology: nx.Graph) -> None:
        for W in self.matrices(topology):
            assert (W >= 0).all()
            np.testing.assert_allclose(W.sum(axis=0), 1, atol=1e-15 * len(W))
            np.testing.assert_allclose(W.sum(axis=1), 1, atol=1e-15 * len(W))

    def test_identity_between_aggregations(self, topology: nx.Graph) -> None:
        for n, W in enumerate(self.matrices(topology), start=1):
            if n % self.pattern.interval:
                np.testing.assert_array_equal(W, np.eye(len(topology)))

    def test_support_inside_the_topology(self, topology: nx.Graph) -> None:
        allowed = (
            nx.to_numpy_array(topology, nodelist=range(len(topology))) + np.eye(len(topology)) > 0
        )
        for W in self.matrices(topology):
            assert not self.pattern.uses_topology or not W[~allowed].any()

    def test_same_on_every_rank(self, topology: nx.Graph) -> None:
        np.testing.assert_array_equal(self.matrices(topology), self.matrices(topology))


class TestDSGD(PatternContract):
    pattern = DSGD()

    def test_weights_are_metropolis(self, topology: nx.Graph) -> None:
        np.testing.assert_allclose(
            self.matrices(topology)[0], reference.metropolis(topology), atol=1e-15
        )


class TestDSGDWithInterval(PatternContract):
    pattern = DSGD(interval=3)

    def test_aggregates_after_every_third_step(self, topology: nx.Graph) -> None:
        schedule = self.pattern.start(Graph.from_networkx(topology, "topology"), seed=3)
        assert schedule.times(10).tolist() == [3, 6, 9]


class TestLazyDSGD(PatternContract):
    pattern = DSGD(weights="lazy")

    def test_half_of_metropolis_and_half_of_identity(self, topology: nx.Graph) -> None:
        expected = (np.eye(len(topology)) + reference.metropolis(topology)) / 2
        np.testing.assert_allclose(self.matrices(topology)[0], expected, atol=1e-15)


class TestCentralized(PatternContract):
    pattern = Centralized()

    def test_average(self, topology: nx.Graph) -> None:
        np.testing.assert_array_equal(
            self.matrices(topology)[0], np.full((len(topology),) * 2, 1 / len(topology))
        )


class TestLocalSGD(PatternContract):
    pattern = Centralized(interval=5)


def test_contraction_is_the_norm(topology: nx.Graph) -> None:
    W = reference.metropolis(topology)
    expected = np.sqrt(max(0, np.linalg.eigvalsh(W.T @ W - 1 / len(W)).max()))
    got = contraction(metropolis(Graph.from_networkx(topology, "topology")))
    assert got == pytest.approx(expected, abs=1e-7)


def test_large_and_small_topologies_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    weights = metropolis(Graph.from_networkx(TOPOLOGIES["random"], "topology"))
    dense = contraction(weights)
    monkeypatch.setattr("udsgd_mpi.communication.weights._DENSE_AGENTS", 0)
    assert contraction(weights) == pytest.approx(dense, rel=1e-10)


@pytest.mark.parametrize("agents", [2, 4, 8])
def test_metropolis_swaps_for_ever_on_an_even_ring_and_lazy_weights_do_not(agents: int) -> None:
    weights = metropolis(Graph.from_networkx(nx.cycle_graph(agents), "topology"))
    assert contraction(weights) == pytest.approx(1, abs=1e-14)
    assert contraction(lazy(weights)) < 0.99
