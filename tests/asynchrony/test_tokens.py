"""Models that walk over agents take their steps, whatever moves them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mpi4py import MPI

from tests.launch import udsgd
from tests.small_problem import write_points
from tests.token_walks import WALKS, by_dense_loops, on_points, places, settings, token
from udsgd_mpi.cli.main import main
from udsgd_mpi.clock import elapsed
from udsgd_mpi.experiment.sizes import require_room
from udsgd_mpi.graphs import build_topology
from udsgd_mpi.graphs.generators import Ring
from udsgd_mpi.parallel.simulate import simulate
from udsgd_mpi.preflight.dry_run import describe
from udsgd_mpi.problem import LoneTeam, pose
from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.testing.bits import bits_of
from udsgd_mpi.tokens import Token, Walking


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_points(tmp_path_factory.mktemp("data") / "points.svm")


@pytest.mark.parametrize("walks", [1, 3])
@pytest.mark.parametrize("kind", WALKS)
def test_a_run_is_the_dense_loop(kind: str, walks: int) -> None:
    posed = pose(settings(token(kind, walks), first_trial=2), LoneTeam(5))
    recording = simulate(MPI.COMM_SELF, posed, lambda _: None)
    assert recording is not None
    assert posed.optimum is not None
    for row, n in enumerate(recording.step.tolist()):
        theta = by_dense_loops(posed, kind, walks, n)
        mean = theta.mean(axis=0)
        expected = {
            "theta_mean": mean,
            "consensus_error": ((theta - mean) ** 2).sum(axis=2).mean(axis=0),
            "squared_error": ((mean - posed.optimum.theta) ** 2).sum(axis=1),
        }
        for name, values in expected.items():
            np.testing.assert_allclose(recording[name][row], values, rtol=1e-12, atol=1e-14)


OTHERS: dict[str, dict[str, Any]] = {
    "a user's objective": {"objective": {"kind": "custom", "path": "tests.own_objective:OwnRidge"}},
    "classes": {
        "objective": "softmax",
        "data": {"source": "digits"},
        "step_size": {"gamma": 0.05},  # larger ones enlarge rounding errors
    },
    "agents that count by their points": {
        "partition": {"kind": "unequal", "sizes": [20, 50, 30, 40, 60]},
        "weighting": "points",
    },
}


@pytest.mark.parametrize("others", OTHERS.values(), ids=OTHERS)
def test_models_learn_whatever_agents_minimise(others: dict[str, Any]) -> None:
    posed = pose(settings(token("srw", 2), **others), LoneTeam(5))
    recording = simulate(MPI.COMM_SELF, posed, lambda _: None)
    assert recording is not None
    expected = by_dense_loops(posed, "srw", 2, 60).mean(axis=0)
    np.testing.assert_allclose(recording["theta_mean"][-1], expected, rtol=1e-12, atol=1e-13)


def test_single_precision_is_the_dense_loop_rounded() -> None:
    posed = pose(settings(token("srw", 2), dtype="float32"), LoneTeam(5))
    recording = simulate(MPI.COMM_SELF, posed, lambda _: None)
    assert recording is not None
    expected = by_dense_loops(posed, "srw", 2, 60).mean(axis=0)
    np.testing.assert_allclose(recording["theta_mean"][-1], expected, rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("kind", WALKS)
def test_walks_visit_agents_by_the_law_that_weights_their_steps(kind: str) -> None:
    """π within 5 s.e. of 30 trials each: a false alarm in 2e-4 of all, of 15 numbers."""
    run = settings(token(kind, 1), trials=30, topology="star")
    schedule = run.communication.start(build_topology(run.topology, 5, 1, "topology"), run.seed)
    assert isinstance(schedule, Walking)
    found = schedule.places(range(30))
    steps = 4000
    shares = np.zeros((30, 5))
    for n in range(steps):
        shares[np.arange(30), found.at(n)[0]] += 1 / steps
    law = np.full(5, 0.2) if kind == "mhrw" else np.array([4, 1, 1, 1, 1]) / 8
    error = shares.std(axis=0, ddof=1) / np.sqrt(30)
    assert (abs(shares.mean(axis=0) - law) < 5 * error + 1e-3).all()
    np.testing.assert_allclose(schedule.paces * law, 0.2, rtol=1e-14)


@pytest.mark.parametrize("kind", WALKS)
def test_the_mean_step_is_along_the_gradient_of_f(kind: str, data: Path) -> None:
    """Σ_i π_i ω_i E w ∇F_i is 0 at θ*, where single gradients of agents are not."""
    posed = on_points(data, "srw", topology="star", communication=token(kind, 2))
    law = np.full(4, 0.25) if kind == "mhrw" else np.array([3, 1, 1, 1]) / 6
    points = posed.points_of_steps
    slopes = []
    for first, agent in zip(posed.first_rows, posed.agents, strict=True):
        rows = np.arange(first, first + len(agent.points.labels))
        gradients = posed.objective.gradients(posed.minimizer, points.take(rows))
        slopes.append(agent.stationary_law @ (points.weights[rows][:, None] * gradients))
    assert np.abs(slopes).max() > 0.01
    np.testing.assert_allclose(law @ np.array(slopes), 0, atol=1e-9)


@pytest.mark.launcher
def test_a_run_goes_on_as_if_never_stopped(tmp_path: Path) -> None:
    """On other numbers of ranks, too."""
    pattern = "communication={kind='token', walks=3, sampler={kind='srrw', alpha=4}}"
    common = ("run", "--agents", 4, "--trials", 3, "--set", pattern, "--quiet", "--output")
    for arguments, ranks in (
        ((*common, "whole.h5", "--steps", 300), None),
        ((*common, "part.h5", "--steps", 110, "--keep-checkpoints"), 2),
        ((*common, "part.h5", "--steps", 300, "--resume", "--allow-changes", "steps"), 3),
    ):
        done = udsgd(*arguments, ranks=ranks, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    assert bits_of(tmp_path / "whole.h5") == bits_of(tmp_path / "part.h5")


def test_messages_are_counted(data: Path) -> None:
    """A walk moves at each step; a Metropolis one as often as it is accepted."""
    posed = on_points(data, "iid", communication=token("srw", 3))
    sent = elapsed(posed.schedule, None, 4, 40, np.array([1, 10])).sent
    np.testing.assert_array_equal(sent, [3 * 40, 30 * 40])
    settings_of = {"topology": "star", "communication": token("mhrw", 1)}
    posed = on_points(data, "iid", **settings_of)
    n = 4000
    visited = places(posed, "mhrw", 1, n)
    moved = (np.diff(visited, axis=0) != 0).sum(axis=0).mean()
    sent = elapsed(posed.schedule, None, 4, 1, np.array([n])).sent
    np.testing.assert_array_equal(sent, [n // 2])  # ¼ · 1 + 3 · ¼ · ⅓
    assert abs(moved / n - 0.5) < 0.05


def test_dry_runs_say_what_moves() -> None:
    said = describe("x", settings(token("srw", 2)), 2)
    assert "models and " in said
    assert "models walk, and there is no W" in said


def test_divergence_is_told_of_the_walk(data: Path) -> None:
    posed = on_points(
        data,
        "iid",
        steps=3000,
        communication=token("srw", 2),
        objective="ridge",
        step_size={"kind": "constant", "gamma": 50.0},
    )
    with pytest.raises(
        ConfigurationError, match=r"diverged: at step 3,000 θ of walk \d is not fin"
    ):
        simulate(MPI.COMM_SELF, posed, lambda _: None)


def test_more_models_than_there_is_room_for_are_refused() -> None:
    run = settings(token("srrw", 10_000), trials=2**20)
    with pytest.raises(ConfigurationError, match=r"walks = 10,000 and trials = 1,048,576"):
        require_room(run, 5, 30, 1)


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "methods": ({"method": "momentum"}, 'method = "sgd" without weight_decay, got another'),
    "decay": ({"method": {"kind": "sgd", "weight_decay": 0.1}}, "without weight_decay"),
    "activation": ({"activation": "bernoulli"}, "no activation"),
    "timing": ({"timing": {}}, r"no table \[timing\]"),
    "averages": ({"record": {"polyak": True}}, "no record.polyak"),
    "iterates": ({"record": {"detail": "iterates"}}, "no record.detail"),
    "networks": ({"objective": {"kind": "torch", "model": "mlp(8)"}}, "no network"),
}


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED)
def test_what_models_do_not_go_with_is_refused(case: tuple[dict[str, Any], str]) -> None:
    others, said = case
    with pytest.raises(ConfigurationError, match=said):
        settings(token("srw", 1), **others)


@pytest.mark.parametrize("setting", [{"precision": "single"}, {"compression": "top_k"}])
def test_messages_are_models_as_they_are(setting: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="neither compression nor precision"):
        settings({"kind": "token", **setting})


@pytest.mark.parametrize("walk", ["iid", "nbrw", "hdt"])
def test_walks_are_those_whose_law_is_known(walk: str) -> None:
    with pytest.raises(ConfigurationError, match=r"communication\.sampler"):
        settings({"kind": "token", "sampler": walk})


def test_there_is_no_gap_of_walks(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["topology", "ring", "-n", "5", "--pattern", "token"]) == 2
    assert "--pattern: expected one that mixes by W" in capsys.readouterr().err


def test_one_agent_is_no_place_to_walk() -> None:
    with pytest.raises(ConfigurationError, match="2 agents or more to walk between, got 1"):
        Token().start(build_topology(Ring(), 1, 1, "topology"), 1)
