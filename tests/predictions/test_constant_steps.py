"""Constant steps: bias and variance are those of the stationary law."""

from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pytest
from mpi4py import MPI
from numpy.typing import NDArray

from tests.exact_stationary import exact_average
from udsgd_mpi import run
from udsgd_mpi.analysis.constant_steps import against, constant_steps, pairs
from udsgd_mpi.cli.of_stationary import of_stationary
from udsgd_mpi.communication.carried import Carried, carried
from udsgd_mpi.experiment.check import check
from udsgd_mpi.forecast.stationary import Stationary, stationary
from udsgd_mpi.parallel.simulate import simulate
from udsgd_mpi.problem import LoneTeam, Problem, pose
from udsgd_mpi.samplers import MHRW, NBRW, SRW, Sampler
from udsgd_mpi.storage.measured import read_measures
from udsgd_mpi.testing.graphs import from_networkx
from udsgd_mpi.theory.chains import NonBacktrackingChain
from udsgd_mpi.theory.constant_step import innovations, past, recent_past

Floats = NDArray[np.float64]

D = 2


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "few.svm"
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(12, D)), rng.normal(size=12)
    rows = zip(y.tolist(), x.tolist(), strict=True)
    path.write_text("".join(f"{y!r} 1:{x[0]!r} 2:{x[1]!r}\n" for y, x in rows))
    return path


def posed(data: Path, agents: int, points: int, gamma: float, **settings: Any) -> Problem:
    experiment = check(
        {
            "agents": agents,
            "steps": 1000,
            "data": {"source": str(data)},
            "partition": {"kind": "even", "points": points},
            "objective": {"kind": "ridge", "l2": 0.3},
            "step_size": {"kind": "constant", "gamma": gamma},
            "groups": {"all": {"sampler": "iid"}},
            **settings,
        }
    )
    return pose(experiment, LoneTeam(agents))


def predicted(problem: Problem) -> Stationary:
    found = stationary(problem, LoneTeam(len(problem.agents)))
    assert isinstance(found, Stationary), found
    return found


def exactly(problem: Problem, chains: list[Floats] | None = None) -> tuple[Floats, float]:
    """Bias and variance of linear steps, by the joint chain of all agents' points."""
    star, gamma = problem.minimizer, problem.experiment.step_size.gamma
    A, b, P = [], [], []
    for agent in problem.agents:
        points, w = agent.points, agent.points.weights
        x = np.asarray(points.features)
        l2 = problem.experiment.objective.l2
        A.append(w[:, None, None] * (x[:, :, None] * x[:, None] + l2 * np.eye(D)))
        b.append(w[:, None] * ((x @ star - points.labels)[:, None] * x + l2 * star))
        P.append(np.full((len(w), len(w)), 1 / len(w)))
    interval = problem.experiment.communication.interval
    W = problem.schedule.mixing(interval).matrix(len(P))
    return exact_average(gamma, W, interval, chains or P, A, b)


RING = {"all": {"sampler": "srw", "graph": {"kind": "ring"}}}


def walk(points: int) -> Floats:
    adjacency = nx.to_numpy_array(nx.cycle_graph(points))
    return np.asarray(adjacency / 2)


PROBLEMS: dict[str, tuple[dict[str, Any], float]] = {
    "one agent, iid": ({"agents": 1, "points": 5}, 0.02),
    "one agent, SRW": ({"agents": 1, "points": 5, "groups": RING}, 0.01),
    "DSGD on a path, iid": ({"agents": 3, "points": 3, "topology": "star"}, 0.01),
    "local SGD, iid": (
        {"agents": 2, "points": 4, "communication": {"kind": "centralized", "interval": 4}},
        0.01,
    ),
    "rare gossip, SRW": (
        {
            "agents": 2,
            "points": 5,
            "groups": RING,
            "communication": {"kind": "dsgd", "interval": 2, "weights": "lazy"},
        },
        0.01,
    ),
}


def test_a_chain_that_is_too_large_is_refused_before_it_is_listed(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a data graph of cliques its transitions take gigabytes."""
    monkeypatch.setattr("udsgd_mpi.forecast.stationary._MOST_SOLVED", 100)
    listed = property(lambda _: pytest.fail("its transitions were listed"))
    monkeypatch.setattr(NonBacktrackingChain, "backward", listed)
    walking = {"all": {"share": 1, "sampler": "nbrw", "graph": "complete"}}
    found = stationary(posed(data, 1, 12, 0.01, groups=walking), LoneTeam(1))
    assert found == "the equations of an agent's chain are too large"


@pytest.mark.parametrize("name", PROBLEMS)
def test_bias_and_variance_are_right_to_first_order(name: str, data: Path) -> None:
    """Against the exact law of linear steps; what is missing falls with γ, for iid it is nothing.

    Twice the iterates of γ less those of 2γ have a tenth of the bias of γ at the most.
    """
    settings, gamma = PROBLEMS[name]
    walks = [walk(settings["points"])] * settings["agents"] if "groups" in settings else None
    biases, off = {}, []
    for step in (gamma, 2 * gamma):
        problem = posed(data, gamma=step, **settings)
        found = predicted(problem)
        bias, variance = exactly(problem, walks)
        biases[step] = bias
        scale = max(1e-9, float(np.linalg.norm(found.bias)))
        off.append((np.linalg.norm(bias - found.bias) / scale, abs(variance / found.variance - 1)))
        np.testing.assert_allclose(found.agent_biases.sum(), found.bias @ found.bias, atol=1e-20)
        np.testing.assert_allclose(found.agent_variances.sum(), found.variance)
        assert off[-1][1] < 0.1 * step / gamma
    if name == "one agent, iid":
        assert abs(bias).max() < 1e-9
        assert off[0][1] < 1e-5
        return
    assert off[0][0] < 0.07
    assert (np.array(off[1]) < 2.2 * np.array(off[0])).all()
    assert (np.array(off[1]) > 1.5 * np.array(off[0])).all()
    extrapolated = 2 * biases[gamma] - biases[2 * gamma]
    assert np.linalg.norm(extrapolated) < np.linalg.norm(biases[gamma]) / 10


SAMPLERS: dict[str, Sampler] = {
    "srw": SRW(),
    "mhrw": MHRW(),
    "nbrw": NBRW(),
}


@pytest.mark.parametrize("name", SAMPLERS)
def test_small_steps_see_the_asymptotic_covariance(name: str) -> None:
    """By the past, one lag after the other, as by Poisson's equation."""
    graph = from_networkx(nx.lollipop_graph(4, 3), "graph")
    sampler = SAMPLERS[name]
    chain = sampler.chain(graph)
    assert chain is not None
    law, h, gamma = sampler.stationary_law(7, graph), np.array([0.5, 2.0]), 1e-9
    g = np.random.default_rng(1).normal(size=(7, 2))
    g -= law @ g
    noise = sampler.noise(g, graph)
    assert noise is not None
    U = noise.amplitudes.T @ noise.amplitudes
    S = innovations(law, g, past(chain, g, h, gamma), h, gamma)
    np.testing.assert_allclose(S, U, rtol=1e-5, atol=1e-6 * np.trace(U))


def test_what_an_agent_alone_carries_is_its_whole_past() -> None:
    graph = from_networkx(nx.lollipop_graph(4, 3), "graph")
    chain = NBRW().chain(graph)
    g = np.random.default_rng(1).normal(size=(7, 2))
    g -= NBRW().stationary_law(7, graph) @ g
    h, gamma = np.array([0.5, 2.0]), 0.05
    lags = recent_past(chain, g, h, gamma, np.ones(2000))
    np.testing.assert_allclose(lags, past(chain, g, h, gamma), atol=1e-8)


def test_curvature_is_by_the_third_derivative(data: Path) -> None:
    """Of logistic regression, ½ H⁻¹ E p(1 − p)(1 − 2p) (xᵀCx) x, within 1 % as θ spreads little."""
    path = data.with_name("classes.svm")
    lines = [line.split(" ", 1)[1] for line in data.read_text().splitlines()]
    path.write_text("".join(f"{k % 2} {line}\n" for k, line in enumerate(lines)))
    problem = posed(path, 1, 12, 0.002, objective={"kind": "logistic", "l2": 0.3})
    found = predicted(problem)
    x = np.asarray(problem.agents[0].points.features)
    p = 1 / (1 + np.exp(-x @ problem.minimizer))
    spread = np.einsum("xa,ab,xb->x", x, found.covariance, x)
    third = (p * (1 - p) * (1 - 2 * p) * spread) @ x / 12
    expected = -np.linalg.solve(problem.hessian, third) / 2
    np.testing.assert_allclose(found.curvature, expected, rtol=0.01)
    assert not found.correlation.any()
    assert abs(found.disagreement).max() < 1e-12


REFUSED = {
    "steps that fall": ({"step_size": {"gamma": 1.0}}, None),
    "momentum": ({"method": {"kind": "momentum", "beta": 0.5}}, "sgd"),
    "too large a step": ({"step_size": {"kind": "constant", "gamma": 9.0}}, "diverges"),
    "a long memory": ({"groups": {"all": {"sampler": "reshuffling"}}}, "no Markov chain"),
    "intervals that grow": ({"communication": {"kind": "dsgd", "interval": "log"}}, "evenly"),
    "models beside a server's": (
        {"communication": {"kind": "lsgd_pp", "participants": 2}},
        "agree",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_known_is_not_predicted(name: str, data: Path) -> None:
    settings, reason = REFUSED[name]
    found = stationary(posed(data, 3, 4, 0.01, **settings), LoneTeam(3))
    if reason is None:
        assert found is None
    else:
        assert isinstance(found, str)
        assert reason in found


PATTERNS: dict[str, Any] = {
    "centralized": {"kind": "centralized", "interval": 3},
    "dsgd": "dsgd",
    "one_peer_exponential": {"kind": "one_peer_exponential", "interval": 2},
    "hlsgd": {"kind": "hlsgd", "clusters": 2, "inner": 2, "outer": 6},
    "unreliable_links": {"kind": "unreliable_links", "failure": 0.3},
}


@pytest.mark.parametrize("name", PATTERNS)
def test_agents_drift_apart_as_in_a_loop(name: str, data: Path) -> None:
    """Mean disagreement under a constant drift: exact, but where W is random (within 15 %)."""
    problem = posed(data, 4, 3, 0.01, communication=PATTERNS[name], topology="star", steps=4000)
    found = carried(problem.schedule, 4, 4000)
    assert isinstance(found, Carried), found
    drift = np.random.default_rng(2).normal(size=(4, 2))
    drift -= drift.mean(axis=0)
    away, total = np.zeros((4, 2)), np.zeros((4, 2))
    first = 1000  # many periods of each pattern from here
    for n in range(1, 4001):
        if n > first:
            total += away
        away = away + drift
        if problem.schedule.aggregates(n):
            away = problem.schedule.mixing(n).matrix(4) @ away
    mean = total / (4000 - first)
    slack = 0.15 if name == "unreliable_links" else 1e-3
    assert np.linalg.norm(found.total @ drift - mean) < slack * np.linalg.norm(mean)
    # What the diagonal of all lags adds up to.
    np.testing.assert_allclose(found.excess.sum(axis=0), np.diag(found.total), atol=1e-9)


STAR = {"all": {"sampler": "srw", "graph": "star"}}


def test_extrapolated_pairs_lose_their_bias(data: Path) -> None:
    """On a star, whose walk is slow: as large as predicted, and ten times less extrapolated.

    Four standard errors of 300 trials beyond the second order, which is a tenth.
    """
    settings = {"groups": STAR, "steps": 8000, "trials": 300, "record": {"points": 400}}
    biases, errors = [], []
    for gamma in (0.02, 0.04):
        problem = posed(data, 1, 6, gamma, **settings)
        recording = simulate(MPI.COMM_SELF, problem, lambda _: None)
        assert recording is not None
        late = recording["theta_mean"][recording.step > 500].mean(axis=0)
        biases.append(predicted(problem).bias)
        errors.append(late - problem.minimizer)
        ratio, low, high = against(errors[-1], biases[-1])
        assert abs(ratio - 1) < 0.1 + (high - low)
        assert high - low < 0.2
    extrapolated, low, high = against(2 * errors[0] - errors[1], biases[0])
    assert abs(extrapolated) < 0.1 + (high - low)


def test_a_report_extrapolates_pairs(data: Path, tmp_path: Path) -> None:
    settings = {"groups": STAR, "steps": 250, "trials": 20, "record": {"points": 20}}
    study = {
        name: posed(data, 1, 6, gamma, **settings).experiment
        for name, gamma in (("small", 0.04), ("double", 0.08), ("other", 0.05))
    }
    assert pairs(study) == [("small", "double")]
    output = tmp_path / "pair.h5"
    run({name: study[name] for name in ("small", "double")}, output=output)
    text = constant_steps(read_measures(output), study)
    assert text is not None
    *_, small, double, extrapolated = text.splitlines()
    found = predicted(posed(data, 1, 6, 0.04, **settings))
    assert f"{np.linalg.norm(found.bias):.2e}" in small
    assert "double" in double
    assert "2 small − double" in extrapolated


def test_predict_says_what_bias_and_variance_add_up_to(data: Path) -> None:
    problem = posed(data, 3, 4, 0.01, topology="complete")
    found = predicted(problem)
    text = of_stationary(found, problem, 2)
    parts = f"bias² {found.bias @ found.bias:.3e} + variance {found.variance:.3e}"
    assert f"MSE = {found.mse:.3e} = {parts}" in text
    assert "at n = 1,000 it still counts" not in text
    assert len(text.splitlines()) == 6
    refused = of_stationary("of a reason", problem, 2)
    assert refused == "  no stationary law is predicted: of a reason"


LOGISTIC = {"objective": {"kind": "logistic", "l2": 0.1}}
LAZY = {"kind": "dsgd", "interval": 2, "weights": "lazy"}
LOCAL = {"kind": "centralized", "interval": 4}
SIX: dict[str, tuple[int, int, float, int, dict[str, Any]]] = {
    "quadratic, iid": (1, 6, 0.02, 4_000, {"objective": "quadratic"}),
    "ridge, SRW on a star": (1, 6, 0.01, 60_000, {"groups": STAR}),
    "logistic, iid": (1, 12, 0.2, 40_000, LOGISTIC),
    "logistic, SRW on a ring": (1, 11, 0.02, 300_000, {**LOGISTIC, "groups": RING}),
    "heterogeneous DSGD on a ring": (4, 3, 0.015, 60_000, {"communication": LAZY}),
    "local SGD": (2, 4, 0.005, 20_000, {"communication": LOCAL}),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", SIX)
def test_measured_bias_and_variance_are_the_predicted_ones(name: str, data: Path) -> None:
    """Within 10 %, and within half a 95 % interval beyond that for the bias, over 1,000 trials.

    Steps that are looked at are an odd number apart, as a walk on a star alternates.
    """
    agents, points, gamma, steps, settings = SIX[name]
    path = data.with_name("of two classes.svm")
    lines = [line.split(" ", 1)[1] for line in data.read_text().splitlines()]
    path.write_text("".join(f"{k * k % 3 == 1:d} {line}\n" for k, line in enumerate(lines)))
    record = {"steps": list(range(1000, steps, 7))}
    settings = {**settings, "steps": steps, "trials": 1000, "record": record}
    problem = posed(path if "logistic" in name else data, agents, points, gamma, **settings)
    found = predicted(problem)
    recording = simulate(MPI.COMM_SELF, problem, lambda _: None)
    assert recording is not None
    late = recording["theta_mean"][recording.step > 6 * found.time_constant] - problem.minimizer
    assert abs(late.var(axis=1, ddof=1).sum(axis=-1).mean() / found.variance - 1) < 0.1
    errors = late.mean(axis=0)
    if not found.bias.any():
        assert abs(errors.mean(axis=0)).max() < 4 * errors.std(axis=0).max() / np.sqrt(len(errors))
        return
    ratio, low, high = against(errors, found.bias)
    assert high - low < 0.15
    assert abs(ratio - 1) < 0.1 + (high - low) / 2
