"""The paper's workload: ijcnn1 on 100 agents with sub-graphs of ego-Facebook.

Needs UDSGD_DATA to name a folder with ijcnn1.bz2 and facebook_combined.txt.gz.
"""

import os
from pathlib import Path

import numpy as np
import pytest

from udsgd_mpi.experiment.check import check
from udsgd_mpi.forecast import predict
from udsgd_mpi.forecast.upgrades import Planner
from udsgd_mpi.graphs.in_files import GraphFile
from udsgd_mpi.problem import LoneTeam, Problem, pose
from udsgd_mpi.samplers import NBRW, SRRW
from udsgd_mpi.theory.chains import NonBacktrackingChain, ReversibleChain, asymptotic_covariance

FOLDER = Path(os.environ.get("UDSGD_DATA", "nowhere"))
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not all((FOLDER / name).is_file() for name in ("ijcnn1.bz2", "facebook_combined.txt.gz")),
        reason="UDSGD_DATA names no folder with ijcnn1.bz2 and facebook_combined.txt.gz",
    ),
]

N = 100


@pytest.fixture(scope="module")
def workload() -> Problem:
    graph = {"kind": "snowball", "path": "ego-facebook"}
    experiment = check(
        {
            "agents": N,
            "steps": 30_000,
            "topology": graph,
            "data": {"source": "ijcnn1"},
            "groups": {
                "access": {"agents": "0-49", "sampler": "iid"},
                "walkers": {"agents": "50-99", "sampler": "srw", "graph": graph},
            },
        }
    )
    return pose(experiment, LoneTeam(N))


def test_rows_and_curvature(workload: Problem) -> None:
    assert {entry.points for entry in workload.summaries} == {499}
    assert workload.rows_left_over == 90
    assert np.linalg.eigvalsh(workload.hessian)[0] == pytest.approx(1.0, abs=0.01)


def test_simple_walks_contribute_most(workload: Problem) -> None:
    """Another draw of graphs and shares gave n · MSE = 0.0075."""
    prediction = predict(workload, LoneTeam(N, 2), np.array([30_000]))
    assert 30_000 * prediction.mse[-1] == pytest.approx(0.0075, rel=0.15)
    assert prediction.contributions[50:].sum() > 3 * prediction.contributions[:50].sum()


def test_a_few_strong_upgrades_beat_many_moderate_ones_in_the_limit(workload: Problem) -> None:
    upgrades = {"srw": SRRW(alpha=20.0, b=0.8)}
    planner = Planner(workload, upgrades, method="linear", threads=2)
    best = planner.candidates
    goal = planner.trace(best, planner.replacing(dict.fromkeys(best, NBRW())))
    fewest = next(k for k in range(51) if planner.trace(best[:k]) <= goal)
    assert 1 <= fewest <= 10
    assert planner.trace(best[-10:]) < planner.trace([])


def test_covariances_on_the_whole_graph() -> None:
    """Poisson's equation holds on 4,039 nodes and 176,468 arcs."""
    graph = GraphFile("ego-facebook").build(0, 1, "graph")
    G = np.random.default_rng(1).normal(size=(len(graph), 3))
    G -= graph.degrees / graph.degrees.sum() @ G
    walk, without_return = ReversibleChain.simple(graph), NonBacktrackingChain(graph)
    M = walk.poisson(G)
    np.testing.assert_allclose(M - (walk.flows @ M) / walk.law[:, None], G, atol=1e-9)
    arcs = without_return.poisson(without_return.lift(G))
    sums = np.add.reduceat(arcs, graph.offsets[:-1])
    heads, back = graph.neighbours, graph.reverse_arcs()
    others = np.maximum(1, graph.degrees[heads] - 1)[:, None]
    leaf = (graph.degrees[heads] == 1)[:, None]
    onward = np.where(leaf, arcs[back], (sums[heads] - arcs[back]) / others)
    np.testing.assert_allclose(arcs - onward, G[heads], atol=1e-8)
    traces = [np.trace(asymptotic_covariance(chain, G)) for chain in (walk, without_return)]
    assert traces[1] < traces[0]
