"""How many paths forecasts take, how far off they are, and that each is made once."""

import tracemalloc
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.small_problem import AGENTS, problem, write_points
from udsgd_mpi.forecast import (
    AgentForecast,
    AgentMoments,
    KnownPredictions,
    mse_of_mean,
    predict,
    unpredicted,
    unpredicted_walks,
)
from udsgd_mpi.forecast.forecasts import allocation
from udsgd_mpi.forecast.paths import Functional, sampled_functional
from udsgd_mpi.forecast.predict import _mean_of_parts
from udsgd_mpi.problem import Agent, LoneTeam, Problem


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_points(tmp_path_factory.mktemp("data") / "small.svm")


@pytest.mark.parametrize("bias", [0.0, 0.3, 3.0])
def test_standard_errors_are_those_of_repeated_predictions(bias: float) -> None:
    """Three agents' functionals of 40 paths, normal; 2,000 times; false alarms once in 10,000."""
    rng = np.random.default_rng(6)
    means = np.array([[bias, 0, -bias], [bias, bias / 2, 0], [0, bias, 0]])
    scales = np.array([0.5, 1.0, 2.0])
    found = []
    for _ in range(2000):
        agents = [sampled_functional(mean + scales * rng.normal(size=(40, 3))) for mean in means]
        fields = zip(*agents, strict=True)
        mean = Functional(*(np.array([np.mean(field, axis=0)]) for field in fields))
        mse, error = mse_of_mean(mean, np.zeros((1, 3)), 3)
        found.append((mse.item(), error.item()))
    mse, error = np.array(found).T
    expected = (means.mean(axis=0) ** 2).sum() + (scales**2).sum() / 3
    if bias == 0:  # a square that comes out below 0 counts as 0
        assert mse.mean() == pytest.approx(expected, rel=0.02)
    else:
        assert abs(mse.mean() - expected) < 4 * mse.std() / np.sqrt(2000)
        assert np.sqrt((error**2).mean()) == pytest.approx(mse.std(), rel=0.1)


def test_paths_are_allocated_to_the_agents_that_need_them() -> None:
    """Against the least number of paths over a fine grid of how two agents may share them."""
    spread = np.array([3.0, 1.0])
    paths = np.array([100, 100])
    errors = spread / np.sqrt(paths)
    found = allocation(paths, errors, 0.1)
    assert (spread**2 / found).sum() == pytest.approx(0.1**2, rel=1e-3)
    first = np.arange(901, 20_000)
    second = 1 / (0.1**2 - 9 / first)
    assert found.sum() == pytest.approx((first + second).min(), rel=1e-3)


def test_paths_that_suffice_are_kept_and_their_number_is_bounded() -> None:
    paths = np.array([40, 160, 160])
    errors = np.array([0.1, 1.0, 0.001])
    assert allocation(paths, errors, 1.1).tolist() == paths.tolist()
    found = allocation(paths, errors, 0.5)
    assert found[2] == 160
    assert 4 * 160 <= found[1] < 16 * 160
    assert allocation(paths, errors, 1e-6).tolist() == [16 * 40, 16 * 160, 16 * 160]
    exact = allocation(np.array([0, 160]), np.array([0.0, 1.0]), 0.5)
    assert exact[0] == 0


def test_a_prediction_takes_more_paths_until_it_is_certain(data: Path) -> None:
    """One walk among four is slow, and what it contributes varies most."""
    slow = {"kind": "clustered", "clusters": 4}
    quick = {"kind": "erdos_renyi", "mean_degree": 20}
    groups = {
        "slow": {"agents": "0", "sampler": "srw", "graph": slow},
        "quick": {"agents": "1-3", "sampler": "srw", "graph": quick},
    }
    settings = {"groups": groups, "steps": 300, "record": {"steps": [300]}, "seed": 3}
    posed = problem(data, "srw", **settings)
    certain = predict(posed, LoneTeam(AGENTS), np.array([300]), method="paths")
    before = predict(posed, LoneTeam(AGENTS), np.array([300]), method="paths", trials=100)
    assert certain.error[-1] < 0.045 * certain.mse[-1]
    assert abs(certain.mse - before.mse)[-1] < 4 * np.hypot(certain.error, before.error)[-1]


def test_agents_that_problems_have_in_common_are_forecast_once(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, forecast = [], AgentForecast.__call__

    def noted(self: AgentForecast, agent: Agent, i: int, *rest: Any) -> AgentMoments:
        made.append(i)
        return forecast(self, agent, i, *rest)

    monkeypatch.setattr(AgentForecast, "__call__", noted)
    graph = {"kind": "erdos_renyi", "mean_degree": 5}
    settings = {"steps": 300, "record": {"steps": [300]}}
    known, steps = KnownPredictions(), np.array([300])

    def walkers(**samplers: str) -> Problem:
        groups = {
            agents: {"agents": agents.strip("_"), "sampler": sampler, "graph": graph}
            for agents, sampler in samplers.items()
        }
        return problem(data, "srw", groups=groups, **settings)

    problems = [
        walkers(_0="srw", _1="srw", _2="nbrw", _3="srrw"),
        walkers(_0="srw", _1="srrw", _2="nbrw", _3="srw"),
    ]
    first = known(problems[0], LoneTeam(AGENTS), steps)
    assert sorted(set(made)) == [0, 1, 2, 3]
    made.clear()
    second = known(problems[1], LoneTeam(AGENTS), steps)
    assert sorted(set(made)) == [1, 3]
    anew = predict(problems[1], LoneTeam(AGENTS), steps)
    np.testing.assert_array_equal(second.mse, anew.mse)
    np.testing.assert_array_equal(second.limiting_covariance, anew.limiting_covariance)
    assert first.mse != second.mse


def test_a_prediction_is_made_once_whatever_names_and_trials_are(data: Path) -> None:
    known, steps = KnownPredictions(), np.array([300])
    team = LoneTeam(AGENTS)
    settings = {"steps": 300, "record": {"steps": [300]}}
    first = known(problem(data, "srw", **settings), team, steps)
    half = {"share": 0.5, "sampler": "srw", "graph": {"kind": "erdos_renyi", "mean_degree": 5}}
    renamed = problem(data, "srw", trials=9, groups={"one": half, "other": half}, **settings)
    assert known(renamed, team, steps) is first
    changes: list[dict[str, Any]] = [
        {"seed": 2},
        {"weight": "none"},
        {"communication": {"kind": "lsgd_fp", "interval": 5}},
        {"step_size": {"gamma": 2.0}},
        {"objective": {"kind": "logistic", "l2": 0.5}},
        {"partition": "shared"},
        {"groups": {"all": {**half, "share": 1, "batch": 2}}},
    ]
    for change in changes:
        other = problem(data, "srw", **(settings | change))
        assert known(other, team, steps).mse != first.mse
    longer = known(problem(data, "srw", **settings), team, np.array([200, 300]))
    assert longer.mse.shape == (2,)


def test_a_prediction_that_takes_too_long_is_left_out_with_a_reason(data: Path) -> None:
    assert unpredicted(problem(data, "iid", steps=10**8)) is None
    assert unpredicted(problem(data, "srrw", steps=10**5)) is None
    reason = unpredicted(problem(data, "srrw", steps=10**7))
    # 500 paths of each agent, and 100 trials that are followed.
    assert str(reason).startswith(f"it would take {AGENTS * 600 * 10**7:,} steps")


def test_what_is_too_large_to_predict_follows_from_what_it_costs(data: Path) -> None:
    few = problem(data, "iid", steps=200)

    def reason(posed: Problem, d: int, agents: int = AGENTS) -> str:
        summaries = posed.summaries[:1] * agents
        return str(unpredicted(replace(posed, d=d, summaries=summaries)))

    assert reason(few, 650) == reason(few, 1000, 20) == "None"
    assert reason(few, 650, 90) == "None"
    assert reason(few, 650, 100).startswith("V of 100 agents with d = 650 each takes agents · d³")
    assert reason(few, 1000, 30).startswith("V of 30 agents with d = 1,000 each takes")
    wide = replace(few, optimum=few.optimum._replace(hessian=None))
    assert reason(wide, 1500) == (
        "d = 1,500 is beyond the 1,000 parameters for which a Hessian is computed"
    )
    # Paths of ten times as many numbers may be a tenth as long.
    walks = problem(data, "srrw", steps=5 * 10**5)
    assert reason(walks, 300) == "None"
    assert "at most with d = 900; udsgd predict" in reason(walks, 900)


def test_a_recursion_that_takes_too_long_is_left_out_with_a_reason(data: Path) -> None:
    def reason(posed: Problem, d: int) -> str | None:
        return unpredicted(replace(posed, d=d))

    white = problem(data, "iid", steps=10**8)
    assert reason(white, 200) is None
    taken = f"the linear recursion of all moments would take {250 * 10**8:,} steps"
    assert str(reason(white, 250)).startswith(taken)

    def strengths(*alphas: float) -> Problem:
        graph = {"kind": "erdos_renyi", "mean_degree": 5}
        groups = {
            f"of-{alpha}": {
                "share": 1 / len(alphas),
                "sampler": {"kind": "srrw", "alpha": alpha, "b": 0.8},
                "graph": graph,
            }
            for alpha in alphas
        }
        return problem(data, "srrw", steps=400_000, groups=groups)

    assert reason(strengths(1, 2), 300) is None
    # A table of 48 nodes for each, and one of one node.
    assert f"{193 * 300 * 400_000:,} steps" in str(reason(strengths(1, 2, 5, 10), 300))


def test_slow_walks_of_many_steps_are_left_out_where_they_are_slow(data: Path) -> None:
    """At a step of 1/n late noise is white; a constant step goes on to see its memory."""
    team = LoneTeam(AGENTS)
    constant = {"step_size": {"gamma": 0.1, "exponent": 0.0}, "record": {"steps": []}}
    for sampler in ("srw", "nbrw", "mhrw"):
        long = problem(data, sampler, steps=10**6, **constant)
        assert unpredicted(long) is None
        # 4 times 500 paths of each walk, and trials that are followed for as long as it pays.
        reason = str(unpredicted_walks(long, team))
        assert reason.startswith(
            f"it would take {AGENTS * (2000 * 10**6 + 100 * 10**5):,} steps along"
        )
        assert unpredicted_walks(problem(data, sampler, steps=10**5, **constant), team) is None
        assert unpredicted_walks(problem(data, sampler, steps=10**8), team) is None
    assert unpredicted_walks(problem(data, "iid", steps=10**8, **constant), team) is None


@pytest.mark.parametrize("sampler", ["iid", "srrw"])
def test_a_forecast_of_many_steps_checks_in_on_its_way(sampler: str, data: Path) -> None:
    posed, calls = problem(data, sampler, steps=10**5), []
    spectrum, steps = np.linalg.eigh(posed.hessian), np.array([10**5])
    forecast = AgentForecast(posed, spectrum, steps, 10, lambda: calls.append(None))
    forecast(posed.agents[0], 0)
    assert len(calls) > 6


def test_a_prediction_of_millions_of_steps_takes_the_memory_of_few(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(import_module("udsgd_mpi.forecast.effort"), "_LAST_STEP", 2000)
    peaks = []
    for steps in (10**4, 3 * 10**6):
        posed = problem(data, "srw", steps=steps)
        at = posed.experiment.record.at(steps)
        predict(posed, LoneTeam(AGENTS), at)  # what is imported and kept is not counted
        tracemalloc.start()
        predict(posed, LoneTeam(AGENTS), at)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < peaks[0] + 2**20  # bytes


def test_means_over_agents_are_those_of_all_moments() -> None:
    """Whether some agents' moments are sampled, or all are exact."""
    rng = np.random.default_rng(3)
    variance, linear, V = rng.random(4), rng.random(4), rng.random((3, 3))
    exact = Functional.exactly(variance, 3)
    sampled = Functional(rng.random((4, 3)), rng.random(4), rng.random(4), rng.random((4, 3)))
    linear_part = AgentMoments(0, exact, exact, linear, V)
    sampled_part = AgentMoments(9, sampled, sampled, 2 * linear, V)
    for parts in ([linear_part] * 3, [linear_part, sampled_part]):
        mean = _mean_of_parts(parts, LoneTeam(len(parts)))
        expected = [
            np.mean(arrays, axis=0) for arrays in zip(*(p.arrays for p in parts), strict=True)
        ]
        for got, want in zip(mean.arrays, expected, strict=True):
            np.testing.assert_allclose(got, want, rtol=1e-14)


def test_exact_moments_take_no_room_for_zeros() -> None:
    variance = np.ones(100)
    tracemalloc.start()
    held = [Functional.exactly(variance, 300) for _ in range(100)]
    taken, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert held[0].mean.shape == (100, 300)
    assert taken < 200_000  # bytes; zeros would be 24 million of them
