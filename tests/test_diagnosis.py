"""What is said of a sampler on a graph is what closed forms and its paths say."""

from pathlib import Path

import networkx as nx
import numpy as np
import pytest

from udsgd_mpi.cli.main import main
from udsgd_mpi.forecast.diagnosis import diagnose, measured_cost
from udsgd_mpi.graphs import Graph
from udsgd_mpi.samplers import HDT, IID, MHRW, NBRW, SRRW, SRW, Sampler
from udsgd_mpi.testing.graphs import from_networkx


def compressed(graph: nx.Graph) -> Graph:
    return from_networkx(graph, "graph")


def test_complete_graph() -> None:
    """P = (11ᵀ − I)/(B − 1): λ₂ = −1/(B − 1), so means vary by (1 + λ)/(1 − λ) = (B − 2)/B."""
    B = 12
    found = diagnose(SRW(), B, compressed(nx.complete_graph(B)), steps=500, trials=50, seed=1)
    assert found.spectral_gap == pytest.approx(1 + 1 / (B - 1))
    np.testing.assert_allclose(found.relative_variance[1:], (B - 2) / B, rtol=1e-10)


def test_cycle() -> None:
    """λ₂ = cos(2π/B), and the slowest mode's variance is (1 + λ₂)/(1 − λ₂)."""
    B = 15
    found = diagnose(SRW(), B, compressed(nx.cycle_graph(B)), steps=500, trials=50, seed=1)
    slowest = np.cos(2 * np.pi / B)
    assert found.spectral_gap == pytest.approx(1 - slowest)
    assert found.relative_variance[2] == pytest.approx((1 + slowest) / (1 - slowest), rel=1e-8)


@pytest.mark.parametrize("sampler", [IID(), SRW(), NBRW(), MHRW()], ids=lambda s: s.name)
def test_limit_is_measured(sampler: Sampler) -> None:
    """Variances of 2,000 trials within 4 standard errors (3.2 % each) and 2 %."""
    graph = compressed(nx.connected_watts_strogatz_graph(30, 4, 0.3, seed=2))
    found = diagnose(sampler, len(graph), graph, steps=5000, trials=2000, seed=3)
    np.testing.assert_allclose(found.measured_variance, found.relative_variance, rtol=0.15)


def test_repulsion_evens_out_visits() -> None:
    graph = compressed(nx.connected_watts_strogatz_graph(30, 4, 0.3, seed=2))
    walk, repelled = (
        diagnose(s, len(graph), graph, steps=3000, trials=50, seed=3)
        for s in (SRW(), SRRW(alpha=5.0))
    )
    assert repelled.distance[-1] < 0.4 * walk.distance[-1]
    assert (np.diff(walk.distance) < 0).all()
    assert (repelled.relative_variance < 0.1 * walk.relative_variance).all()


def test_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    small = ["--steps", "200", "--trials", "5"]
    assert main(["diagnose", "{kind='srrw', alpha=3}", "small_world", "-n", "40", *small]) == 0
    said = capsys.readouterr().out
    for part in ("srrw on 40 points", "spectral gap", "slowest mode", "total-variation"):
        assert part in said
    for wrong, message in (
        (["srw", "small_world"], "expected a number of points"),
        (["srww", "ring", "-n", "9"], "did you mean 'srw'"),
        (["srw", "rign", "-n", "9"], "did you mean 'ring'"),
        (["srw", "ring", "-n", "9", "--trials", "1"], "from 2 on"),
        (["srw", "none.gml"], "cannot be read"),
    ):
        assert main(["diagnose", *wrong]) == 2
        assert message in capsys.readouterr().err


def test_cost_is_that_of_what_is_remembered() -> None:
    """SRW remembers a node; walks with a history the visits of all nodes, and little more."""
    graph = compressed(nx.watts_strogatz_graph(50, 4, 0.1, seed=1))
    found = {s.name: measured_cost(s, 50, graph) for s in (SRW(), SRRW(), HDT())}
    assert found["srw"].memory == 4
    assert 4 + 50 * 8 <= found["srrw"].memory <= 4 + 52 * 8
    assert found["hdt"].memory == found["srrw"].memory
    assert all(each.nanoseconds > 0 for each in found.values())
