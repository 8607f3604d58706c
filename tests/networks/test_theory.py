"""Around a minimum that training finds, theory tells what a network's agents add to the error."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mpi4py import MPI
from scipy.linalg import solve_continuous_lyapunov

from tests.small_problem import AGENTS, D, problem, write_points
from udsgd_mpi.cli.main import main
from udsgd_mpi.experiment.check import check
from udsgd_mpi.forecast import predict, unpredicted
from udsgd_mpi.forecast.traces import Estimate, TracePlan, TraceProbes
from udsgd_mpi.forecast.upgrades import Planner
from udsgd_mpi.parallel.simulate import simulate
from udsgd_mpi.problem import Agent, LoneTeam, Problem
from udsgd_mpi.samplers import IID, SRRW
from udsgd_mpi.support.errors import ConfigurationError

pytest.importorskip("torch")

HIDDEN, CLASSES, L2, GAMMA, EXPONENT = 3, 2, 0.05, 0.05, 0.7
USED = HIDDEN * D + HIDDEN + CLASSES * HIDDEN + CLASSES
SMOOTH = """
from torch import nn
def build(shape, outputs):
    return nn.Sequential(nn.Linear(shape[0], 3), nn.Tanh(), nn.Linear(3, outputs))
def normalised(shape, outputs):
    return nn.Sequential(nn.Linear(shape[0], 3), nn.BatchNorm1d(3), nn.Linear(3, outputs))
"""


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("smooth.py").write_text(SMOOTH)
    return write_points(tmp_path / "small.svm")


def posed(points: Path, sampler: Any = "iid", **settings: Any) -> Problem:
    network = {
        "kind": "torch",
        "model": "smooth.py:build",
        "l2": L2,
        "minimum": "trained",
        "vectorise": True,
        **settings.pop("objective", {}),
    }
    step_size = {"gamma": GAMMA, "exponent": EXPONENT}
    return problem(points, sampler, objective=network, step_size=step_size, **settings)


def layers(theta: np.ndarray) -> tuple[np.ndarray, ...]:
    """Weights and biases of both layers."""
    W, b, A, c = np.split(theta, np.cumsum([HIDDEN * D, HIDDEN, CLASSES * HIDDEN]))
    return W.reshape(HIDDEN, D), b, A.reshape(CLASSES, HIDDEN), c


def loss(theta: np.ndarray, x: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Of each point, in NumPy alone, shape (points,); θ is (USED,)."""
    W, b, A, c = layers(theta)
    scores = np.tanh(x @ W.T + b) @ A.T + c
    own = np.take_along_axis(scores, labels.astype(int)[:, None], axis=1)[:, 0]
    return np.logaddexp.reduce(scores, axis=1) - own + L2 / 2 * theta @ theta


def gradients(theta: np.ndarray, agent: Agent) -> np.ndarray:
    """By central differences, shape (points, USED)."""
    steps = 1e-5 * np.eye(USED)
    x, y = agent.points.features, agent.points.labels
    return np.stack([(loss(theta + e, x, y) - loss(theta - e, x, y)) / 2e-5 for e in steps], axis=1)


def mean_gradient(theta: np.ndarray, agents: list[Agent]) -> np.ndarray:
    each = [
        agent.stationary_law * agent.points.weights @ gradients(theta, agent) for agent in agents
    ]
    return np.mean(each, axis=0)


def long_run(G: np.ndarray, agent: Agent) -> np.ndarray:
    """U of independent draws, or of a simple random walk by the fundamental matrix."""
    law = agent.stationary_law
    centred = agent.points.weights[:, None] * G
    centred -= law @ centred
    if agent.graph is None or isinstance(agent.sampler, IID):
        return centred.T @ (law[:, None] * centred)
    n = len(law)
    P = np.zeros((n, n))
    for i in range(n):
        P[i, agent.graph.neighbours[agent.graph.offsets[i] : agent.graph.offsets[i + 1]]] = 1
    P /= P.sum(axis=1, keepdims=True)
    Z = np.linalg.inv(np.eye(n) - P + law)
    half = centred.T @ (law[:, None] * (Z @ centred))
    return half + half.T - centred.T @ (law[:, None] * centred)


def test_the_limit_at_a_found_minimum_is_that_of_a_dense_computation(data: Path) -> None:
    """Derivatives by differences of a loss in NumPy, V by SciPy's Lyapunov equation."""
    groups = {
        "draws": {"agents": "0-1", "sampler": "iid"},
        "walks": {
            "agents": "2-3",
            "sampler": "srw",
            "graph": {"kind": "erdos_renyi", "mean_degree": 5},
        },
    }
    found = posed(data, groups=groups)
    star, H = found.minimizer[:USED], found.hessian
    assert not found.minimizer[USED:].any()
    assert abs(mean_gradient(star, found.agents)).max() < 1e-8
    differences = [
        (mean_gradient(star + e, found.agents) - mean_gradient(star - e, found.agents)) / 2e-4
        for e in 1e-4 * np.eye(USED)
    ]
    np.testing.assert_allclose(H[:USED, :USED], differences, atol=2e-6)
    np.testing.assert_allclose(H[USED:, USED:], L2 * np.eye(found.d - USED), atol=1e-12)
    expected = []
    for agent in found.agents:
        U = long_run(gradients(star, agent), agent)
        expected.append(solve_continuous_lyapunov(-H[:USED, :USED], -U) / AGENTS**2)
    prediction = predict(found, LoneTeam(AGENTS), np.array([1000]), method="linear")
    V = prediction.limiting_covariance
    np.testing.assert_allclose(V[:USED, :USED], sum(expected), atol=1e-5 * abs(V).max())
    assert abs(V[USED:]).max() < 1e-12
    np.testing.assert_allclose(prediction.agent_traces, list(map(np.trace, expected)), rtol=1e-5)


def measured(found: Problem) -> tuple[np.ndarray, np.ndarray]:
    """The MSE at the recorded steps, and its standard error."""
    recording = simulate(MPI.COMM_SELF, found, lambda _: None)
    assert recording is not None
    squares = recording["squared_error"]
    return squares.mean(axis=1), squares.std(axis=1, ddof=1) / np.sqrt(squares.shape[1])


SMALL = {"trials": 250, "steps": 300, "record": {"steps": [0, 100, 300]}}


def test_trials_begin_at_the_minimum_and_spread_as_predicted(data: Path) -> None:
    """Within 4 standard errors and 5 %: false alarm below 6e-5 for each of 2 numbers."""
    found = posed(data, "srw", **SMALL)
    mean, error = measured(found)
    prediction = predict(found, LoneTeam(AGENTS, 2), np.array([0, 100, 300]))
    assert mean[0] == prediction.mse[0] == 0
    assert (abs(prediction.mse - mean) <= 4 * error + 0.05 * mean).all()


def test_the_best_upgrade_of_a_plan_lowers_the_measured_error_most(data: Path) -> None:
    """Ratios of MSE within 4 standard errors and 5 % of those planned: false alarm below 2e-4."""
    found = posed(data, "srw", **SMALL)
    planner = Planner(found, {"srw": IID()}, method="linear")
    best, worst = planner.candidates[0], planner.candidates[-1]
    assert planner.trace([best]) < planner.trace([worst]) < planner.trace([])
    graph = {"kind": "erdos_renyi", "mean_degree": 5}
    before, error_before = measured(found)
    for upgraded in (best, worst):
        others = ",".join(str(i) for i in range(AGENTS) if i != upgraded)
        groups = {
            "upgraded": {"agents": str(upgraded), "sampler": "iid"},
            "others": {"agents": others, "sampler": "srw", "graph": graph},
        }
        mean, error = measured(posed(data, groups=groups, **SMALL))
        planned = planner.mse([upgraded]) / planner.mse([])
        ratio = mean[-1] / before[-1]
        slack = np.hypot(error[-1] / mean[-1], error_before[-1] / before[-1]) * ratio
        assert abs(ratio - planned) < 4 * slack + 0.05 * planned


@pytest.mark.parametrize("exponent", [1.0, 0.7])
def test_probes_find_the_traces_that_a_dense_computation_finds(data: Path, exponent: float) -> None:
    """Within 4 standard errors by 400 probes; false alarm below 6e-5 for each of 9 numbers."""
    srrw = {"kind": "srrw", "alpha": 5, "b": 0.6}
    found = problem(
        data, "srw", objective={"kind": "logistic", "l2": 0.5},
        step_size={"gamma": 3.0, "exponent": exponent},
    )  # fmt: skip
    planner = Planner(found, {"srw": SRRW(alpha=5, b=0.6)}, method="linear")
    plan = TracePlan(found, LoneTeam(AGENTS), {"srw": SRRW(alpha=5, b=0.6)}, 400)
    assert srrw["b"] != exponent
    for upgraded in ([], [0], [1], [2], [3], plan.candidates):
        estimate = plan.trace(upgraded)
        assert abs(estimate.value - planner.trace(upgraded)) < 4 * estimate.error
        assert estimate.error < 0.1 * estimate.value
    for i, gain in plan.gains.items():
        exactly = planner.trace([]) - planner.trace([i])
        assert abs(gain.value - exactly) < 4 * gain.error


def test_probes_of_a_network_and_of_mini_batches(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    groups = {"all": {"share": 1, "sampler": "iid", "batch": 4}}
    found = posed(data, groups=groups)
    exactly = predict(found, LoneTeam(AGENTS), np.array([100]), method="linear").agent_traces
    monkeypatch.setattr("udsgd_mpi.problem.optimum.MOST_OF_LOCAL", 10)
    monkeypatch.setattr("udsgd_mpi.problem.agent._MOST_NUMBERS", 1000)  # some points at a time
    wide = posed(data, groups=groups)
    assert not wide.holds_hessian
    np.testing.assert_allclose(wide.minimizer, found.minimizer, atol=1e-10)
    probes = TraceProbes(wide, LoneTeam(AGENTS), 60)
    for i, (agent, expected) in enumerate(zip(wide.agents, exactly, strict=True)):
        estimate = Estimate.of(probes(agent, i))
        assert abs(estimate.value - expected) < 4 * estimate.error
        assert estimate.error < 0.25 * expected


def test_the_minimum_near_a_given_theta_is_found(data: Path) -> None:
    trained = posed(data)
    np.save("theta.npy", trained.minimizer[:USED] + 0.01)
    found = posed(data, objective={"minimum": "theta.npy"})
    np.testing.assert_allclose(found.minimizer, trained.minimizer, atol=1e-9)
    sources = "objective.model: smooth.py", "objective.minimum: theta.npy"
    assert set(found.digests.sources) == {*sources}
    W, b, A, c = layers(trained.minimizer[:USED])  # hidden units in another order: another minimum
    turned = [np.roll(W, 1, axis=0), np.roll(b, 1), np.roll(A, 1, axis=1), c]
    expected = np.concatenate([each.ravel() for each in turned])
    assert abs(expected - trained.minimizer[:USED]).max() > 0.1
    np.save("theta.npy", expected)
    other = posed(data, objective={"minimum": "theta.npy"})
    np.testing.assert_allclose(other.minimizer[:USED], expected, atol=1e-9)


@pytest.mark.parametrize(
    ("objective", "expected"),
    [
        ({"l2": 0.0}, "expected l2 > 0 beside minimum"),
        ({"model": "smooth.py:normalised"}, "expected a model without BatchNorm"),
        ({"minimum": "none.npy"}, r"^objective\.minimum none\.npy: cannot be read \(No such"),
        ({"minimum": "folder"}, r"^objective\.minimum folder: expected .* got a folder"),
        ({"minimum": "pipe"}, r"^objective\.minimum pipe: expected a regular file, got a FIFO"),
        ({"minimum": "short.npy"}, rf"expected the {USED} parameters.*got shape \(3,\)"),
        ({"minimum": "infinite.npy"}, "expected finite numbers"),
        ({"minimum": "text.npy"}, "expected an array as numpy.save writes it"),
        # Where all hidden units are alike they stay so.
        (
            {"minimum": "alike.npy", "l2": 0.001},
            "got none .f has a saddle point.*raise objective.l2",
        ),
    ],
)
def test_what_is_no_minimum_is_refused(
    data: Path, objective: dict[str, Any], expected: str
) -> None:
    np.save("short.npy", np.zeros(3))
    np.save("infinite.npy", np.full(USED, np.inf))
    np.save("alike.npy", np.zeros(USED))
    Path("text.npy").write_text("1 2 3")
    Path("folder").mkdir()
    os.mkfifo("pipe")
    with pytest.raises(ConfigurationError, match=expected):
        posed(data, objective=objective)


def test_a_package_s_network_has_minima_where_it_is_smooth(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rectifiers have kinks, on which training comes to lie."""
    smooth = posed(data, objective={"model": "mlp(3)", "activation": "tanh"})
    np.testing.assert_allclose(smooth.minimizer, posed(data).minimizer, atol=1e-9)
    monkeypatch.setattr("udsgd_mpi.objectives.local_minimizer._MOST_EVALUATIONS", 300)
    kinks = {"model": "mlp(20)", "l2": 0.01}
    with pytest.raises(ConfigurationError, match=r"got none .the gradient does not.*\"tanh\""):
        posed(data, objective=kinks)


def test_images_that_vary_have_no_such_minimum() -> None:
    network = {"kind": "torch", "model": "mlp(2)", "l2": 1.0, "minimum": "trained"}
    varied = {"source": "digit_images", "augment": {"flip": True}}
    groups = {"all": {"share": 1, "sampler": "iid"}}
    with pytest.raises(ConfigurationError, match=r"beside data\.augment no objective\.minimum"):
        check({"data": varied, "objective": network, "groups": groups})


SETTINGS = """
agents = 2
steps = 40
trials = 3
data.source = "small.svm"
objective = { kind = "torch", model = "smooth.py:build", l2 = 0.05, minimum = "trained" }
step_size = { gamma = 0.5, exponent = 0.7 }
record = { points = 2 }
[groups.walks]
share = 1
sampler = "srw"
graph = "ring"
"""


def test_trials_of_networks_that_take_too_long_are_left_out(data: Path) -> None:
    for steps, vectorise, left_out in (
        (10_000, False, "steps of trials would take some"),
        (10_000, True, "None"),
        (2_000, False, "None"),
    ):
        found = posed(data, steps=steps, objective={"vectorise": vectorise})
        assert left_out in str(unpredicted(found)), (steps, vectorise)


def test_run_predict_and_plan_on_the_command_line(
    data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert data.exists()
    Path("x.toml").write_text(SETTINGS)
    assert main(["run", "x.toml", "--set", "dtype='float32'", "--steps", "8"]) == 0
    assert "/ predicted" in capsys.readouterr().out
    assert main(["predict", "x.toml", "--by", "linear"]) == 0
    assert "limit: Tr V = " in capsys.readouterr().out
    plan = "plan", "x.toml", "--upgrade", "srw:iid", "--against", "mhrw"
    assert main([*plan, "--by", "linear"]) == 0
    assert "agents, largest gain first: " in capsys.readouterr().out
    monkeypatch.setattr("udsgd_mpi.problem.optimum.MOST_OF_LOCAL", 10)
    assert main(["predict", "x.toml", "--probes", "3"]) == 0
    assert "Tr V by 3 probes" in capsys.readouterr().out
    for goal, expected in (((), "beaten by "), (("--budget", "1"), "1 upgrades: Tr V ")):
        assert main([*plan, "--probes", "3", *goal]) == 0
        assert expected in capsys.readouterr().out
    assert main([*plan, "--target-mse", "1"]) == 2
    assert "expected no --target-mse" in capsys.readouterr().err


def test_another_theta_to_begin_from_is_not_gone_on_with(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert data.exists()
    Path("x.toml").write_text(SETTINGS.replace('"trained"', '"theta.npy"'))
    np.save("theta.npy", np.full(USED, 0.1))
    run = "run", "x.toml", "--set", "record.predict=false", "--quiet"
    assert main([*run, "--keep-checkpoints"]) == 0
    np.save("theta.npy", np.linspace(-0.1, 0.1, USED))
    again = "--resume", "--steps", "50", "--allow-changes", "steps"
    assert main([*run, *again]) == 2
    assert "the file theta.npy, objective.minimum = 'theta.npy'" in capsys.readouterr().err
