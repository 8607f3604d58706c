"""Rows in the order of time: a trial sees a stretch of a series, or all of it again and again."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from udsgd_mpi.experiment.check import check
from udsgd_mpi.forecast import predict
from udsgd_mpi.forecast.upgrades import Planner
from udsgd_mpi.problem import LoneTeam, Problem, pose
from udsgd_mpi.samplers import IID

ROWS, STEPS, HALF = 6000, 400, 64 // 2


def series(rows: int, phi: float) -> np.ndarray:
    """y_t = φ y_{t−1} + ε_t; its long-run variance is (1 + φ)/(1 − φ) times that of a row."""
    noise = np.random.default_rng(3).normal(size=rows)
    for t in range(1, rows):
        noise[t] += phi * noise[t - 1]
    return noise


def posed(folder: Path, values: list[np.ndarray], **settings: Any) -> Problem:
    """The mean of each agent's series: F(θ, y) = ½ (θ − y)², so that θ_n is a running mean."""
    for i, own in enumerate(values):
        (folder / f"{i}.csv").write_text("y\n" + "".join(f"{y!r}\n" for y in own.tolist()))
    raw = {
        "agents": len(values),
        "steps": STEPS,
        "data": {"kind": "table", "path": str(folder / "{agent}.csv"), "label": "y"},
        "objective": {"kind": "ridge", "l2": 0},
        "groups": {"all": {"sampler": "stream", "batch": settings.pop("batch", 1)}},
    }
    return pose(check(raw | settings), LoneTeam(len(values)))


def variance_of_means(values: np.ndarray, n: int) -> float:
    """Of n values that follow each other in a circle, from a uniform start on."""
    sums = np.concatenate([[0], np.cumsum(np.concatenate([values, values[: n - 1]]))])
    return float(((sums[n:] - sums[:-n]) / n).var())


def test_errors_and_limits_are_those_of_stretches_of_a_series(tmp_path: Path) -> None:
    values = series(ROWS, 0.8)
    problem = posed(tmp_path, [values])
    found = predict(problem, LoneTeam(1), np.array([STEPS]))
    assert found.mse[0] == pytest.approx(variance_of_means(values, STEPS), abs=5 * found.error[0])
    halves, wholes = (m * variance_of_means(values, m) for m in (HALF, 2 * HALF))
    U = 2 * wholes - halves
    assert found.trace_error < 0.1 * U
    assert float(found.limiting_covariance[0, 0]) == pytest.approx(U, abs=5 * found.trace_error)
    assert found.methods == ["paths alone"]


def test_random_access_is_worth_an_upgrade_where_rows_are_correlated(tmp_path: Path) -> None:
    problem = posed(tmp_path, [series(ROWS, 0.1), series(ROWS, 0.8)])
    planner = Planner(problem, {"stream": IID()}, trials=200)
    assert planner.candidates == [1, 0]
    assert planner.trace([1]) < 0.5 * planner.trace([])
    assert planner.mse([1]) < 0.5 * planner.mse([])


def test_noise_cancels_over_whole_rounds(tmp_path: Path) -> None:
    values = series(STEPS // 4, 0.8)
    found = predict(posed(tmp_path, [values]), LoneTeam(1), np.array([STEPS - 1, STEPS]))
    assert found.trace_error == 0
    np.testing.assert_array_equal(found.limiting_covariance, 0)
    assert found.mse[1] < 1e-20 < found.mse[0]


def test_batches_are_of_rows_that_follow_each_other(tmp_path: Path) -> None:
    values = series(20, 0.5)
    (agent,) = posed(tmp_path, [values], batch=3).agents
    np.testing.assert_array_equal(agent.points.labels, values[:18])
