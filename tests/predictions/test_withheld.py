"""A mean that few trials make is not promised, and the table says why."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mpi4py import MPI

from tests.small_problem import AGENTS, problem, write_points
from udsgd_mpi.cli.main import main
from udsgd_mpi.forecast import predict
from udsgd_mpi.forecast.means import MeanOverTrials
from udsgd_mpi.parallel.simulate import simulate
from udsgd_mpi.problem import LoneTeam
from udsgd_mpi.storage.read import read_runs

STEPS = np.array([10, 1000])


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_points(tmp_path_factory.mktemp("data") / "small.svm")


def settings(objective: str, gamma: float, exponent: float, steps: int = 1000) -> dict[str, Any]:
    return {
        "objective": {"kind": objective},
        "step_size": {"gamma": gamma, "exponent": exponent},
        "steps": steps,
        "trials": 400,
        "record": {"steps": [10]},
    }


def test_an_error_that_few_exploding_trials_make_is_withheld_as_long_as_it_is(data: Path) -> None:
    """Squares grow a thousandfold in ten steps, of some trials; contraction then makes them alike.

    Afterwards within 4 standard errors and 2 %.
    """
    posed = problem(data, "iid", **settings("ridge", 4.0, 0.7))
    prediction = predict(posed, LoneTeam(AGENTS), STEPS)
    assert np.isnan([prediction.mse[0], prediction.error[0]]).all()
    reason = prediction.withheld or ""
    assert reason.startswith("at n = 10: ")
    assert "of 10,000 trials that were followed make 80%" in reason
    assert re.search(
        r"first steps of agents 0-3 overshoot: .* > 5 at point \d+ of agent [0-3]", reason
    )
    assert "step_size.offset" in reason
    recording = simulate(MPI.COMM_SELF, posed, lambda _: None)
    assert recording is not None
    squares = recording["squared_error"][-1]
    slack = 4 * np.hypot(squares.std(ddof=1) / 20, prediction.error[-1]) + 0.02 * squares.mean()
    assert abs(prediction.mse[-1] - squares.mean()) < slack
    # A plan is about the first order, which is none the worse.
    assert np.isfinite(prediction.first_order_mse).all()


@pytest.mark.parametrize(
    ("objective", "gamma", "exponent"),
    [("ridge", 0.5, 0.7), ("ridge", 1.0, 1.0), ("logistic", 4.0, 0.7), ("logistic", 4.0, 1.0)],
)
def test_large_errors_that_all_trials_make_are_not_withheld(
    objective: str, gamma: float, exponent: float, data: Path
) -> None:
    """γ₁ times the largest curvature of a point is between 4 and 50."""
    posed = problem(data, "iid", **settings(objective, gamma, exponent, steps=100))
    prediction = predict(posed, LoneTeam(AGENTS), np.array([1, 2, 10, 100]))
    assert prediction.withheld is None
    assert np.isfinite(prediction.mse).all()
    assert (prediction.error <= 0.05 * prediction.mse).all()


def test_trials_that_overflow_are_withheld_without_following_more(data: Path) -> None:
    posed = problem(data, "iid", **settings("ridge", 1e9, 0.6, steps=400))
    prediction = predict(posed, LoneTeam(AGENTS), np.array([400]))
    assert np.isnan(prediction.mse).all()
    assert "of 100 trials that were followed explode beyond all numbers" in str(prediction.withheld)


def test_the_table_and_the_file_say_why(
    data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("x.toml").write_text(
        f'agents = {AGENTS}\nsteps = 10\ntrials = 12\ndata.source = "{data}"\n'
        'objective.kind = "ridge"\nstep_size = { gamma = 4.0, exponent = 0.7 }\n'
        'groups.all = { share = 1, sampler = "iid" }\n'
    )
    assert main(["run", "x.toml", "--output", "x.h5"]) == 0
    told = capsys.readouterr()
    (line,) = (line for line in told.out.splitlines() if line.startswith("main: no prediction"))
    assert " none " in told.out
    assert line.removeprefix("main: ") in told.err
    _, runs = read_runs(Path("x.h5"))
    assert line == f"main: no prediction {runs['main'].attributes['prediction_withheld']}"
    assert np.isnan(runs["main"]["predicted_mse"][-1])
    main(["predict", "x.toml"])
    told = capsys.readouterr()
    assert line.removeprefix("main: ") in told.out


@pytest.mark.parametrize(("tail", "holds"), [(0.05, True), (2.5, False)])
def test_a_mean_holds_where_many_trials_make_it(tail: float, holds: bool) -> None:
    """Lognormal values, of which a few make most where σ is large."""
    values = np.exp(tail * np.random.default_rng(3).normal(size=(200, 100)))
    found = MeanOverTrials.of(values)
    assert (found.holds.mean() > 0.97) == holds
    np.testing.assert_allclose(found.mean, values.mean(axis=1))
    plain = values.std(axis=1, ddof=1) / 10
    assert (found.error >= plain * (1 - 1e-12)).all()
    truth = np.exp(tail**2 / 2)
    beyond = {
        name: (abs(found.mean - truth) > 4 * error).mean()
        for name, error in (("plain", plain), ("told", found.error))
    }
    assert beyond["told"] <= beyond["plain"]


def test_equal_values_have_no_error() -> None:
    found = MeanOverTrials.of(np.full((1, 20), 3.0))
    assert found.error == 0
    assert found.holds.all()


def test_a_control_beyond_all_numbers_is_left_out() -> None:
    """And one whose squares are beyond them counts like one in other units."""
    rng = np.random.default_rng(5)
    control = rng.standard_normal((4, 50))
    values = control + 0.1 * rng.standard_normal((4, 50)) + 7
    units = np.array([1.0, 1e200, np.inf, np.nan])
    known = MeanOverTrials.controlled(values, control, np.zeros(4), np.full(4, 0.01))
    found = MeanOverTrials.controlled(
        values, control * units[:, None], np.zeros(4), np.full(4, 0.01) * units
    )
    assert found.mean[:2] == pytest.approx(known.mean[:2])
    assert found.error[:2] == pytest.approx(known.error[:2])
    assert found.mean[2:] == pytest.approx(values[2:].mean(axis=1))
    assert found.error[2:] == pytest.approx(values[2:].std(axis=1, ddof=2) / np.sqrt(50))
