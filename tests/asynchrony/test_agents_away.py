"""Runs take no steps of agents that are away, keep their bits, and say what comes of it."""

from itertools import islice
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from mpi4py import MPI

from tests.activations import trace
from tests.small_problem import problem, write_points
from udsgd_mpi.cli.main import main
from udsgd_mpi.clock import elapsed
from udsgd_mpi.forecast.overshooting import first_steps
from udsgd_mpi.parallel.simulate import simulate
from udsgd_mpi.preflight.cautions import Foretold, cautions
from udsgd_mpi.problem import LoneTeam
from udsgd_mpi.support.errors import ConfigurationError


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_points(tmp_path_factory.mktemp("data") / "points.svm")


def test_steps_that_are_not_taken_take_no_time(data: Path) -> None:
    """Of agents that never wait, the clock has the sum of their own steps."""
    posed = problem(
        data,
        "iid",
        trials=2,
        steps=40,
        record={"steps": [15]},
        activation={"kind": "bernoulli", "p": [0.2, 0.5, 0.8, 1.0]},
        communication={"kind": "dsgd", "interval": 100, "weights": "lazy"},
        timing={"compute": {"kind": "exponential", "mean": 0.5}},
    )
    assert posed.clock is not None
    taken = posed.schedule.active(0, 40)
    assert taken is not None
    took = np.array([each.copy() for each in islice(posed.clock.durations(), 40)]) * taken
    seconds = elapsed(posed.schedule, posed.clock, 4, 8, np.array([15, 40])).seconds
    expected = [took[:15].sum(axis=0), took.sum(axis=0)]
    np.testing.assert_allclose(seconds, expected, rtol=1e-12)


@pytest.mark.parametrize("method", ["gradient_tracking", "prox", "scaffold"])
def test_methods_that_need_all_steps_are_refused(data: Path, method: str) -> None:
    with pytest.raises(ConfigurationError, match=f"method {method}: expected agents that take ev"):
        problem(data, "iid", trials=2, method=method, activation="bernoulli")


def said(data: Path, activation: Any, **settings: Any) -> list[str]:
    posed = problem(data, "iid", trials=2, activation=activation, **settings)
    return [text for text in cautions(posed, Foretold()) if text.startswith("activation")]


def test_what_is_likely_to_disappoint_is_said(data: Path, tmp_path: Path) -> None:
    unequal = {"kind": "bernoulli", "p": [0.5, 0.25, 1.0, 0.5]}
    (text,) = said(data, unequal)
    assert "from 25% (agent 1) to 100% (agent 2) of the steps" in text
    assert said(data, {**unequal, "scaled": True}) == []
    assert said(data, {"kind": "markov"}) == []
    nights = {"kind": "diurnal", "share": 0.3, "phases": [0, 0.5, 0.1, 0.6]}
    for communication in ("centralized", {"kind": "dsgd", "weights": "lazy"}):
        (text,) = said(data, nights, communication=communication)
        assert "agents 0 and 1 are never there together" in text
    in_between = {"kind": "diurnal", "share": 0.3, "phases": [0, 0.5, 0.25, 0.6]}
    assert said(data, in_between) == []
    # On the ring 2 and 0 are neighbours of 1 and 3 alone.
    (text,) = said(data, in_between, communication={"kind": "dsgd", "weights": "lazy"})
    assert "agents 0 and" in text
    late = trace(tmp_path / "a.csv", "agent,from,to", "0,0,9", "1,0,9", "2,0,9", "3,8,9")
    (text,) = said(data, {"kind": "trace", "path": late.path}, steps=8, record={"steps": [8]})
    assert "agent 3 of the trace come" in text


def test_steps_that_are_not_taken_count_for_the_least_step_size(data: Path) -> None:
    """γ is above 1/(2μ), but not above it by as much as steps are fewer; scaled steps make up."""
    mu = problem(data, "iid", trials=2).smallest_curvature

    def warned(factor: float, **settings: Any) -> str:
        step_size = {"gamma": factor / (2 * mu), "exponent": 1.0, "offset": 1000}
        posed = problem(data, "iid", trials=2, step_size=step_size, **settings)
        return "".join(text for text in cautions(posed, Foretold()) if "step_size" in text)

    half = {"kind": "bernoulli", "p": 0.5}
    assert warned(1.5) == warned(2.6, activation=half) == ""
    assert warned(1.5, activation={**half, "scaled": True}) == ""
    assert "is not above 1/(2μ · 0.5) = " in warned(1.5, activation=half)
    assert "is barely above 1/(2μ · 0.5) = " in warned(2.1, activation=half)
    clocks = {"kind": "async_gossip", "step_rate": 0.5}
    assert "is not above 1/(2μ · 0.393) = " in warned(2.5, communication=clocks)


def test_first_steps_that_are_scaled_up_are_known_to_overshoot(data: Path) -> None:
    scaled = {"kind": "bernoulli", "p": [0.1, 1.0, 1.0, 1.0], "scaled": True}
    plain, with_paces = (
        first_steps(problem(data, "iid", trials=2, **settings), LoneTeam(4))
        for settings in (
            {"communication": {"kind": "dsgd", "interval": 50}},
            {"communication": {"kind": "dsgd", "interval": 50}, "activation": scaled},
        )
    )
    np.testing.assert_allclose(with_paces / plain, [10, 1, 1, 1], rtol=1e-12)


def test_scaled_steps_come_to_the_minimiser_of_the_plain_sum(data: Path) -> None:
    """With full batches and small steps: the distance of θ̄ to θ*, and to that of Σ p_i f_i."""
    p = [0.9, 0.15, 0.3, 0.5]
    whole = {"all": {"share": 1, "sampler": "iid", "batch": 40}}
    shared = {"groups": whole, "steps": 4000, "record": {"steps": [4000], "predict": False}}
    distances = {}
    for scaled in (False, True):
        activation = {"kind": "bernoulli", "p": p, "scaled": scaled}
        step_size = {"gamma": 3.0, "exponent": 0.9}
        posed = problem(data, "iid", trials=1, activation=activation, step_size=step_size, **shared)
        recording = simulate(MPI.COMM_SELF, posed, lambda _: None)
        assert recording is not None
        theta = recording["theta_mean"][-1, 0]
        gradients = np.array(
            [posed.objective.gradient(theta, agent.expectation) for agent in posed.agents]
        )
        weights = np.ones(4) if scaled else np.array(p) / np.mean(p)
        other = np.array(p) / np.mean(p) if scaled else np.ones(4)
        distances[scaled] = [
            float(np.linalg.norm(each @ gradients / 4)) for each in (weights, other)
        ]
    for right, wrong in distances.values():
        assert right < 0.1 * wrong


SETTINGS = """
agents = 4
steps = 60
trials = 2
data = { source = "breast_cancer", standardize = true }
method = { kind = "momentum", beta = 0.6 }
activation = { kind = "trace", path = "trace.csv", period = 13 }
communication = { kind = "dsgd", weights = "lazy", interval = 2 }
record = { steps = [10, 37, 50], detail = "iterates", predict = false }
[groups.epochs]
share = 0.5
sampler = "reshuffling"
batch = 9
[groups.walking]
share = 0.5
sampler = { kind = "srrw", alpha = 5 }
graph = "small_world"
"""


def test_a_run_goes_on_with_the_same_bits_and_the_same_trace(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("own.toml").write_text(SETTINGS)
    rows = ("agent,from,to", "0,0,9", "1,5,13", "2,2,4", "3,0,13", "2,6,12")
    trace(tmp_path / "trace.csv", *rows)

    def run(output: str, *arguments: str) -> int:
        return main(["run", "own.toml", "--quiet", "--output", output, *arguments])

    assert run("whole.h5") == 0
    assert run("parts.h5", "--steps", "29", "--keep-checkpoints") == 0
    on = ("--resume", "--allow-changes", "steps")
    trace(tmp_path / "trace.csv", *rows[:-1], "2,6,11")
    assert run("parts.h5", *on) == 2
    trace(tmp_path / "trace.csv", *rows)
    assert run("parts.h5", *on) == 0
    with h5py.File("whole.h5") as whole, h5py.File("parts.h5") as parts:
        for name in ("theta", "theta_mean", "velocity", "consensus_error"):
            expected, found = (each[f"runs/main/{name}"][()] for each in (whole, parts))
            np.testing.assert_array_equal(found, expected)
    assert "trace.csv" in capsys.readouterr().err
