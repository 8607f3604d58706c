"""Contraction is ‖E[WᵀW] − J‖^½, by closed forms or estimated with its error."""

import math
import time
from pathlib import Path

import networkx as nx
import numpy as np
import pytest

from tests import reference
from udsgd_mpi.cli.main import main
from udsgd_mpi.communication import (
    DSGD,
    DSGDVT,
    HLSGD,
    LSGDPP,
    Centralized,
    DropOut,
    Pattern,
    RandomMatching,
    UnreliableLinks,
    contraction,
)
from udsgd_mpi.communication.consensus import estimated
from udsgd_mpi.communication.second_moment import largest
from udsgd_mpi.graphs.generators import Ring
from udsgd_mpi.testing.graphs import TOPOLOGIES, from_networkx


@pytest.fixture(params=TOPOLOGIES.values(), ids=TOPOLOGIES)
def topology(request: pytest.FixtureRequest) -> nx.Graph:
    return request.param


def test_contraction_is_the_norm(topology: nx.Graph) -> None:
    W = reference.metropolis(topology)
    expected = np.sqrt(max(0, np.linalg.eigvalsh(W.T @ W - 1 / len(W)).max()))
    schedule = DSGD().start(from_networkx(topology, "topology"), seed=1)
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
    topology = from_networkx(nx.complete_graph(100), "topology")
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
        topology = from_networkx(nx.convert_node_labels_to_integers(graph), "topology")
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
        topology = from_networkx(nx.cycle_graph(agents), "topology")
        schedule = pattern.start(topology, 1)
        assert contraction(schedule, agents).vanishes
        assert not schedule.contracts(agents)


@pytest.mark.parametrize(
    "pattern",
    [UnreliableLinks(failure=0.3), DropOut(leave=0.2), RandomMatching(), DSGD(), DSGDVT()],
)
def test_estimates_are_near_what_is_exact(pattern: Pattern) -> None:
    """Within five of the errors that they state."""
    topology = from_networkx(nx.wheel_graph(8), "topology")
    schedule = pattern.start(topology, 3)
    exact, found = contraction(schedule, 8), estimated(schedule, 8)
    assert exact.error == 0
    assert found.error < 0.03
    assert abs(found.factor - exact.factor) <= 5 * found.error + 1e-9
    assert (found.error == 0) == isinstance(pattern, DSGD)
    assert ("±" in found.gap) == (found.error > 0)


def test_matchings_of_many_agents_are_estimated() -> None:
    topology = from_networkx(nx.cycle_graph(60), "topology")
    found = contraction(RandomMatching().start(topology, 3), 60)
    # Each edge of a long ring is taken with probability (1 − e⁻²) / 2 (Flory, 1939).
    slowest = 2 - 2 * math.cos(2 * math.pi / 60)
    expected = math.sqrt(1 - (1 - math.exp(-2)) / 4 * slowest)
    assert 0 < found.error < 1e-3
    assert abs(found.factor - expected) < 5 * found.error


@pytest.mark.parametrize("pattern", [Centralized(), LSGDPP(participants=2), HLSGD(), DSGD()])
def test_ten_thousand_agents_take_no_time(pattern: Pattern) -> None:
    for graph in (nx.cycle_graph(10_000), nx.star_graph(9_999)):
        topology = from_networkx(graph, "topology")
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
    schedule = DSGD().start(from_networkx(TOPOLOGIES["random"], "topology"), seed=1)
    dense = contraction(schedule, 17).factor
    monkeypatch.setattr("udsgd_mpi.communication.second_moment._DENSE_AGENTS", 0)
    assert contraction(schedule, 17).factor == pytest.approx(dense, rel=1e-10)


@pytest.mark.parametrize("agents", [2, 4, 8])
def test_metropolis_swaps_for_ever_on_an_even_ring_and_lazy_weights_do_not(agents: int) -> None:
    topology = from_networkx(nx.cycle_graph(agents), "topology")
    assert contraction(DSGD().start(topology, 1), agents).factor == pytest.approx(1, abs=1e-14)
    assert contraction(DSGD(weights="lazy").start(topology, 1), agents).factor < 0.99


def test_the_topology_command_prints_that_of_a_pattern(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exactly where there is a closed form; a user's own from draws, with its error."""
    monkeypatch.chdir(tmp_path)
    printed = {}
    for pattern in ("random_matching", '{ kind = "custom", path = "tests.own_pattern:Gossip" }'):
        assert main(["topology", "star", "-n", "7", "--pattern", pattern]) == 0
        printed[pattern] = capsys.readouterr().out.partition("--pattern")[2].split("\n")[0].split()
    exact, (estimate, _, error) = printed.values()
    assert abs(float(exact[0]) - float(estimate)) < 4 * float(error)
