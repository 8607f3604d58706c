"""The limit of models that walk over agents is that of their trials, and of sums over lags."""

from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pytest
from mpi4py import MPI

from tests.small_problem import problem, write_points
from tests.token_walks import graph_of, on_points, token
from udsgd_mpi.forecast import predict, unpredicted
from udsgd_mpi.graphs import Graph
from udsgd_mpi.parallel.simulate import simulate
from udsgd_mpi.problem import LoneTeam, Problem
from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.theory.chains import ReversibleChain
from udsgd_mpi.theory.tokens import Returns, alternating, chance_to_be_in_step


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_points(tmp_path_factory.mktemp("data") / "points.svm")


def of_edges(graph: nx.Graph) -> Graph:
    edges = np.array(graph.edges)
    return Graph.of_edges(len(graph), edges[:, 0], edges[:, 1])


@pytest.mark.parametrize("kind", ["srw", "mhrw"])
def test_returns_are_those_of_powers_of_the_walk(kind: str) -> None:
    """Σ_k P^|k|(i, i) ν^|k| against the sum of 4,000 powers, of a graph that is not bipartite."""
    rng = np.random.default_rng(3)
    graph = nx.lollipop_graph(4, 3)
    A = nx.to_numpy_array(graph)
    degree = A.sum(axis=1)
    P = A / degree[:, None]
    if kind == "mhrw":
        P = np.where(A > 0, 1 / np.maximum(degree[:, None], degree), 0.0)
        P += np.diag(1 - P.sum(axis=1))
    walked = of_edges(graph)
    chain = (
        ReversibleChain.simple(walked)
        if kind == "srw"
        else ReversibleChain.metropolis_hastings(walked)
    )
    returns, values = Returns(chain), rng.uniform(-0.99, 0.98, 5)
    for i in range(7):
        power, expected = np.eye(7), np.ones(5)
        for k in range(1, 4000):
            power = power @ P
            expected += 2 * power[i, i] * values**k
        np.testing.assert_allclose(returns.weighted(i, values), expected, rtol=1e-9)


@pytest.mark.parametrize("graph", [nx.star_graph(4), nx.lollipop_graph(4, 2), nx.cycle_graph(6)])
def test_two_walks_meet_points_as_often_as_their_laws_from_uniform_starts_say(
    graph: nx.Graph,
) -> None:
    """π_i² (U_i + e Σ_k (−1)^k C_i(k)) against sums over lags of P(A_n = i) P(A'_{n+k} = i) C_i(k).

    The mean of an even and an odd n, long after the start, as two walks forget all but the class of
    a bipartite topology.
    """
    A = nx.to_numpy_array(graph)
    P = A / A.sum(axis=1, keepdims=True)
    law = A.sum(axis=1) / A.sum()
    chain, topology = ReversibleChain.simple(of_edges(graph)), of_edges(graph)
    e = chance_to_be_in_step(chain, topology)
    data = nx.lollipop_graph(3, 2)
    B = nx.to_numpy_array(data)
    Q, mu = B / B.sum(axis=1, keepdims=True), B.sum(axis=1) / B.sum()
    of_data = ReversibleChain.simple(of_edges(data))
    G = np.random.default_rng(5).normal(size=(5, 2))
    G -= mu @ G
    lags = 600
    C = [G.T @ (mu[:, None] * (np.linalg.matrix_power(Q, k) @ G)) for k in range(lags)]
    at = [np.full(len(P), 1 / len(P)) @ np.linalg.matrix_power(P, 500)]
    for _ in range(lags):
        at.append(at[-1] @ P)
    U = sum(C[1:], C[0]) + sum(C[1:], 0 * C[0]).T
    for i in range(len(P)):
        found = law[i] ** 2 * (U + e * alternating(of_data, G))
        met = np.mean([at[n][i] * at[n][i] for n in (0, 1)]) * C[0]
        for k in range(1, lags - 1):
            met = met + np.mean([at[n][i] * at[n + k][i] for n in (0, 1)]) * (C[k] + C[k].T)
        np.testing.assert_allclose(found, met, rtol=1e-8, atol=1e-12)


def of_trials(posed: Problem) -> tuple[float, float, float]:
    """MSE / γ_n of a run at its last step, its standard error, and the predicted Tr V."""
    recording = simulate(MPI.COMM_SELF, posed, lambda _: None)
    assert recording is not None
    V = predict(posed, LoneTeam(4), recording.step).limiting_covariance
    n = posed.experiment.steps
    scaled = recording["squared_error"][-1] / float(posed.experiment.step_size(n, n)[0])
    return float(scaled.mean()), float(scaled.std(ddof=1) / len(scaled) ** 0.5), float(np.trace(V))


CASES: dict[str, tuple[str, Any, int]] = {
    "independent draws, walks in step": ("iid", "srw", 3),
    "independent draws, one walk": ("iid", "srw", 1),
    "independent draws, five walks": ("iid", "mhrw", 5),
    "independent draws, self-repellent": ("iid", {"kind": "srrw", "alpha": 5, "b": 0.6}, 2),
    "walks on data, one walk": ("srw", "srw", 1),
    "walks on data, four walks": ("mhrw", "srw", 4),
}


@pytest.mark.parametrize("steps", [4000, pytest.param(8000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_errors_come_to_the_predicted_limit(
    case: tuple[str, Any, int], steps: int, data: Path
) -> None:
    """Within 4 s.e. and 5 % for n that is finite: false alarms below 6e-5 each."""
    sampler, walk, walks = case
    topology = "star" if walks == 3 else "barbell"
    posed = problem(
        data,
        sampler,
        trials=600,
        steps=steps,
        topology=topology,
        communication={"kind": "token", "walks": walks, "sampler": walk},
        objective={"kind": "logistic", "l2": 0.3},
        step_size={"gamma": 4.0, "offset": 20},
        record={"steps": [steps]},
    )
    mean, error, expected = of_trials(posed)
    print(f"{mean:.3f} ± {error:.3f}, predicted {expected:.3f}")  # noqa: T201
    assert abs(mean - expected) < 4 * error + 0.05 * expected


def test_limits_that_are_not_known_are_refused(data: Path) -> None:
    of = {"communication": token("srw", 1)}
    posed = on_points(data, "nbrw", **of)
    assert "nbrw" in str(unpredicted(posed))
    with pytest.raises(ConfigurationError, match="is known for iid, srw and mhrw alone"):
        predict(posed, LoneTeam(4), np.array([10]))
    posed = on_points(data, "srw", communication=token("srrw", 1))
    assert "predicted of iid agents" in str(unpredicted(posed))
    with pytest.raises(ConfigurationError, match="theory tells the limit V alone"):
        _ = on_points(data, "iid", **of).hessian


def test_remedy_for_walks_in_step_is_one(data: Path) -> None:
    """On a ring of even length "mhrw" is "srw", and as periodic; iid agents have a limit."""
    groups: dict[str, Any] = {"all": {"share": 1, "sampler": "srw", "graph": "ring"}}
    for walk in ("srw", "mhrw"):
        of = {"topology": "ring", "communication": token(walk, 1)}
        found = predict(on_points(data, "srw", **of, groups=groups), LoneTeam(4), np.array([10]))
        assert np.isnan(found.limiting_covariance).all()
        assert "a topology or a data graph that is not bipartite" in str(found.withheld)
        found = predict(on_points(data, "iid", **of), LoneTeam(4), np.array([10]))
        assert np.isfinite(found.limiting_covariance).all()


def test_limits_of_too_many_numbers_are_not_looked_for(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every rank has N covariances, shape (d, d), before their mean."""
    monkeypatch.setattr("udsgd_mpi.forecast.limits._MOST_ENTRIES", 10)
    posed = on_points(data, "iid", communication=token("srw", 1))
    assert "beyond the 10 entries" in str(unpredicted(posed))


@pytest.mark.parametrize("ignored", [{"method": "linear"}, {"method": "paths"}, {"trials": 50}])
def test_ways_to_predict_that_are_not_taken_are_refused(
    ignored: dict[str, Any], data: Path
) -> None:
    posed = on_points(data, "iid", communication=token("srw", 1))
    with pytest.raises(ConfigurationError, match="expected neither --by nor --paths"):
        predict(posed, LoneTeam(4), np.array([10]), **ignored)


def test_walks_in_step_have_no_limit(data: Path) -> None:
    """A walk on a star comes back at even times, and finds the same half of a bipartite graph."""
    posed = on_points(
        data,
        "srw",
        topology="star",
        communication=token("srw", 1),
        groups={"all": {"share": 1, "sampler": "srw", "graph": "star"}},
    )
    found = predict(posed, LoneTeam(4), np.array([10]))
    assert np.isnan(found.limiting_covariance).all()
    assert "in step" in str(found.withheld)
    assert graph_of(posed).degree(0) == 3
