"""What is predicted of agents that are away at times is what trials of them do."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.as_predicted import check_against_trials
from tests.small_problem import AGENTS, problem, write_points
from udsgd_mpi.cli.main import main
from udsgd_mpi.communication.activation import Bernoulli
from udsgd_mpi.forecast import from_the_start, predict
from udsgd_mpi.forecast.inference import infer
from udsgd_mpi.forecast.traces import traces
from udsgd_mpi.forecast.upgrades import Planner
from udsgd_mpi.problem import LoneTeam, Problem
from udsgd_mpi.samplers import IID
from udsgd_mpi.storage.measured import read_measures
from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.theory.limit import limiting_covariance
from udsgd_mpi.theory.noise import Noise
from udsgd_mpi.theory.pulls import left_of_pulls
from udsgd_mpi.theory.step_size import Polynomial

Floats = NDArray[np.float64]

SRRW = {"kind": "srrw", "alpha": 10, "b": 0.8}
LAZY = {"kind": "dsgd", "weights": "lazy"}
SELDOM = {"kind": "bernoulli", "p": [0.9, 0.25, 0.5, 1.0], "scaled": True}
STAYS = {"kind": "markov", "there": 10, "away": 20}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_points(tmp_path_factory.mktemp("data") / "points.svm")


def two_kinds(data: Path, trials: int, **settings: Any) -> Problem:
    """SRW and SRRW on half of the agents each, which have their own data."""
    graph = {"kind": "erdos_renyi", "mean_degree": 5}
    groups = {
        "walkers": {"share": 0.5, "sampler": "srw", "graph": graph},
        "repelled": {"share": 0.5, "sampler": SRRW, "graph": graph},
    }
    polyak = {"steps": [100, 300], "polyak": True}
    return problem(data, "srw", trials=trials, groups=groups, **{"record": polyak, **settings})


RUNS: dict[str, dict[str, Any]] = {
    "seldom there": {"activation": SELDOM, "communication": LAZY},
    "stays": {
        "activation": STAYS,
        "communication": {**LAZY, "interval": 5},
        "step_size": {"gamma": 4.0},
    },
    "daily": {
        "activation": {"kind": "diurnal", "period": 40, "share": 0.25, "scaled": True},
        "step_size": {"gamma": 2.0, "offset": 50},  # no first steps that overshoot
    },
    "clocks": {"communication": {"kind": "async_gossip"}, "step_size": {"gamma": 2.0}},
    "both": {
        "activation": {**STAYS, "scaled": True},
        "communication": {"kind": "async_gossip"},
        "step_size": {"gamma": 1.0, "exponent": 0.8},
    },
    "momentum": {
        "activation": SELDOM,
        "method": {"kind": "momentum", "beta": 0.8},
        "communication": LAZY,
        "step_size": {"gamma": 0.3},
    },
}


@pytest.mark.parametrize(
    ("name", "trials", "steps"),
    [
        ("seldom there", 250, 600),
        ("stays", 250, 600),
        *(pytest.param(name, 2000, 4000, marks=pytest.mark.slow) for name in RUNS),
    ],
)
def test_trials_are_as_predicted(name: str, trials: int, steps: int, data: Path) -> None:
    check_against_trials(two_kinds(data, trials, steps=steps, **RUNS[name]))


def test_what_is_not_random_is_the_mean_of_first_order(data: Path) -> None:
    """By the recursion in θ itself, with the gradients at θ* of those that are there."""
    activation = {**STAYS, "scaled": True}
    clocks = {"communication": {"kind": "async_gossip"}}
    posed = two_kinds(data, 2, activation=activation, step_size={"gamma": 0.7}, **clocks)
    steps, H, star = np.array([1, 40, 90]), posed.hessian, posed.minimizer
    found = from_the_start(posed, LoneTeam(AGENTS), np.linalg.eigh(H), steps)
    active = posed.schedule.active(0, 90)
    assert active is not None
    slopes = [posed.objective.gradient(star, agent.expectation) for agent in posed.agents]
    pace = 3 / (1 - np.exp(-1.0))  # 1/p of stays, and of clocks
    off, total = posed.initial(range(1))[0] - star, np.zeros_like(star)
    rows = {0: (off, total)}
    for n in range(1, 91):
        total = total + off
        off = off - 0.7 / n * (H @ off + pace * active[n - 1] @ np.array(slopes) / AGENTS)
        rows[n] = off, total / n
    basis = np.linalg.eigh(H)[1]
    for row, n in enumerate(steps.tolist()):
        for values, expected in zip(found, rows[n], strict=True):
            np.testing.assert_allclose(basis @ values[row], expected, rtol=1e-9, atol=1e-12)


def at(posed: Problem, n: int = 200) -> Any:
    return predict(posed, LoneTeam(AGENTS), np.array([n]), method="linear")


def test_a_share_of_the_steps_divides_what_an_agent_adds_to_the_limit(data: Path) -> None:
    always = at(two_kinds(data, 2))
    day = {"kind": "diurnal", "period": 40, "share": 0.25, "scaled": True}
    found = at(two_kinds(data, 2, activation=day))
    np.testing.assert_allclose(found.agent_traces, 4 * always.agent_traces, rtol=1e-10)
    np.testing.assert_allclose(found.independent_traces, 4 * always.independent_traces, rtol=1e-10)
    assert found.presence_covariance is None


def test_steps_that_are_not_scaled_are_those_of_a_smaller_gamma(data: Path) -> None:
    """Of p γ, but for what h_i and chance add, which is in proportion to Σ h_i h_iᵀ."""
    always = two_kinds(data, 2, step_size={"gamma": 1.0})
    half = two_kinds(data, 2, step_size={"gamma": 2.0}, activation={"kind": "bernoulli", "p": 0.5})
    found, one = at(half), at(always)
    np.testing.assert_allclose(
        found.limiting_covariance - found.presence_covariance,
        one.limiting_covariance,
        rtol=1e-9,
    )
    star = always.minimizer
    slopes = [always.objective.gradient(star, agent.expectation) for agent in always.agents]
    by_hand = limiting_covariance(
        Noise(np.array(slopes) / AGENTS, np.ones(AGENTS), None), always.hessian, Polynomial(1.0)
    )
    np.testing.assert_allclose(found.presence_covariance, by_hand / 2, rtol=1e-9)
    assert found.agent_traces.sum() == pytest.approx(np.trace(found.limiting_covariance))


def test_seeds_differ_by_what_presence_adds_to_the_limit(data: Path) -> None:
    """The mean over 400 seeds of what is left of it, within 4 standard errors."""
    posed = problem(data, "iid", trials=2)
    star, last = posed.minimizer, 300
    h, basis = np.linalg.eigh(posed.hessian)
    slopes = np.array([posed.objective.gradient(star, a.expectation) for a in posed.agents]) @ basis
    step_size = Polynomial(2.0)
    squares = []
    for seed in range(400):
        there = Bernoulli().start(AGENTS, seed).between(0, last)
        pulls = there @ slopes / AGENTS
        theta, _ = left_of_pulls(
            lambda n, m, b=pulls: b[n - 1 : m],
            h,
            step_size,
            np.array([last]),  # type: ignore[misc]
        )
        squares.append((theta[0] ** 2).sum())
    mean, error = np.mean(squares), np.std(squares) / 20
    noise = Noise(slopes / AGENTS / 2, np.ones(AGENTS), None)
    V = limiting_covariance(noise, np.diag(h), step_size)
    assert abs(mean - np.trace(V) * 2.0 / last) < 4 * error + 0.02 * mean


def test_probes_find_the_same_trace(data: Path) -> None:
    posed = two_kinds(data, 2, activation=SELDOM, communication={"kind": "async_gossip"})
    total = traces(posed, LoneTeam(AGENTS), 400).total
    trace = np.trace(at(posed).limiting_covariance)
    assert abs(total.value - trace) < 4 * total.error
    assert total.error < 0.1 * trace


def test_the_worst_agent_is_another_where_it_is_seldom_there(data: Path) -> None:
    """Of agents with one sampler the one that is there for a tenth leads, whatever its data."""
    always = Planner(two_kinds(data, 2), {"srw": IID()}, "linear")
    last = always.candidates[-1]
    p = np.where(np.arange(AGENTS) == last, 0.1, 1.0).tolist()
    activation = {"kind": "bernoulli", "p": p, "scaled": True}
    posed = two_kinds(data, 2, activation=activation)
    found = Planner(posed, {"srw": IID()}, "linear")
    assert found.candidates[0] == last
    gains = [each.trace([]) - each.trace([last]) for each in (always, found)]
    assert gains[1] == pytest.approx(10 * gains[0], rel=1e-9)
    V = at(posed).limiting_covariance
    assert found.trace([]) == pytest.approx(np.trace(V), rel=1e-10)
    np.testing.assert_allclose(found.covariance([]), V, rtol=1e-10)


def test_what_is_not_known_is_refused_with_the_reason(data: Path, tmp_path: Path) -> None:
    trace = tmp_path / "trace.csv"
    trace.write_text("agent,from,to\n0,0,9\n1,5,13\n2,2,13\n3,0,13\n")
    for activation, reason in (
        ({"kind": "bernoulli", "p": [0.9, 0.25, 0.5, 1.0]}, "agents take from 25% to 100% of the"),
        ({"kind": "trace", "path": str(trace)}, "away for good after their last time"),
    ):
        posed = problem(data, "iid", trials=2, activation=activation)
        kind = activation["kind"]
        expected = rf"activation: expected one that predictions .* got {kind}: .*{reason}"
        with pytest.raises(ConfigurationError, match=expected):
            _ = posed.hessian
    posed = problem(data, "iid", trials=2, activation=SELDOM)
    with pytest.raises(ConfigurationError, match="infer: expected agents that take every step"):
        infer(posed, LoneTeam(AGENTS), posed.minimizer, averaged=False)
    constant = problem(
        data, "iid", trials=2, activation=SELDOM, step_size={"gamma": 0.1, "exponent": 0.0}
    )
    assert at(constant).stationary == "it is of agents that take every step"


def test_limits_are_called_measured(capsys: pytest.CaptureFixture[str]) -> None:
    small = ("--agents", "3", "--steps", "50", "--only", "all-srw", "--by", "linear")
    for kind, shares in (("bernoulli", 1), ("diurnal", 0)):
        activation = f"activation={{kind='{kind}', scaled=true}}"
        assert main(["predict", *small, "--set", activation]) == 0
        said = capsys.readouterr().out
        assert "under agents that are away, too, is measured, not proved" in said
        assert said.count("of Tr V is due to when agents are there") == shares


@pytest.mark.parametrize("kind", ["bernoulli", "diurnal"])
def test_results_hold_what_trials_do_not_vary_by(kind: str, tmp_path: Path) -> None:
    """Reports hold the covariance over trials against V without it."""
    activation = f"activation={{kind='{kind}', scaled=true}}"
    size = ("--agents", "3", "--steps", "50", "--trials", "2", "--only", "all-srw")
    path = tmp_path / "x.h5"
    assert main(["run", *size, "--quiet", "--set", activation, "--output", str(path)]) == 0
    (found,) = read_measures(path).values()
    V, over_trials = found.limiting_covariance, found.covariance_over_trials
    assert V is not None
    assert over_trials is not None
    with h5py.File(path) as file:
        run = file["runs/all-srw"]
        assert ("limiting_covariance_of_presence" in run) == (kind == "bernoulli")
        part = run["limiting_covariance_of_presence"][:] if kind == "bernoulli" else 0.0
    np.testing.assert_array_equal(over_trials, V - part)
    assert np.trace(over_trials) > 0
