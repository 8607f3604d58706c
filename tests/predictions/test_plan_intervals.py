"""The interval that is foretold to be best is the best that is measured, or as good."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec import structs

from udsgd_mpi import ConfigurationError, plan_intervals, run
from udsgd_mpi.cli.main import main
from udsgd_mpi.clock import elapsed, steps_by_bytes
from udsgd_mpi.communication import HLSGD, LSGDFP, LSGDPP, Pattern, RandomMatching
from udsgd_mpi.communication.intervals import Interval
from udsgd_mpi.experiment.check import check
from udsgd_mpi.experiment.schema import Experiment
from udsgd_mpi.forecast import predict
from udsgd_mpi.forecast.intervals import with_interval
from udsgd_mpi.graphs.generators import SmallWorld
from udsgd_mpi.methods.step_sizes import ByRound
from udsgd_mpi.problem import LoneTeam, pose

SECONDS, AGENTS = 5.0, 8
INTERVALS: list[Interval] = [1, 5, 50, 300, "log", [1, 20, 60]]


def experiment(**settings: Any) -> Experiment:
    """Data by label, so that agents that never meet drift far, and messages that take long."""
    return check(
        {
            "agents": AGENTS,
            "steps": 100,
            "trials": 500,
            "data": {"source": "breast_cancer", "standardize": True},
            "partition": "by_label",
            "communication": {"kind": "dsgd", "weights": "lazy"},
            "objective": {"kind": "logistic", "l2": 0.3},
            "step_size": {"gamma": 4.0, "exponent": 1.0, "offset": 20},
            "timing": {"compute": {"kind": "exponential", "mean": 0.01}, "latency": 0.05},
            "groups": {"all": {"sampler": "iid"}},
            "record": {"points": 1, "predict": False},
            **settings,
        }
    )


def test_the_best_interval_is_foretold(tmp_path: Path) -> None:
    """Four standard errors of measured and predicted together; false alarm 4e-4."""
    plan = plan_intervals(experiment(), INTERVALS, seconds=SECONDS)
    study = {}
    for k, each in enumerate(plan.found):
        assert each.in_budget is not None
        with_K = with_interval(experiment(), each.interval)
        study[f"k{k}"] = structs.replace(with_K, steps=each.in_budget.step)
    results = run(study, output=tmp_path / "x.h5")
    mse, error = [], []
    for name, each in zip(study, plan.found, strict=True):
        last = {"variant": name, "step": study[name].steps}
        errors = results.squared_error.sel(last).to_numpy()
        mse.append(errors.mean())
        error.append(errors.std() / np.sqrt(len(errors)))
        foretold = each.in_budget
        assert foretold is not None
        assert abs(mse[-1] - foretold.mse) <= 4 * np.hypot(error[-1], foretold.error)
        seconds = results.simulated_time.sel(last).max()
        assert seconds == foretold.seconds <= SECONDS
        assert results.bytes_exchanged.sel(last) == foretold.sent
    assert plan.best is not None
    chosen, best = plan.found.index(plan.best), int(np.argmin(mse))
    assert mse[chosen] - mse[best] <= 4 * np.hypot(error[chosen], error[best])
    # Agents that hardly ever meet drift apart, and those that always wait take few steps.
    for extreme in (0, 3):
        assert mse[extreme] > mse[chosen] + 3 * np.hypot(error[chosen], error[extreme])


def test_each_row_is_a_prediction_of_that_interval_alone() -> None:
    plan = plan_intervals(experiment(), [3, "log"], seconds=1.5)
    for each in plan.found:
        settings = structs.replace(with_interval(experiment(), each.interval), steps=200)
        problem = pose(settings, LoneTeam(AGENTS))
        steps = np.arange(1, 201)
        message = 8 * problem.d
        passed = elapsed(problem.schedule, problem.clock, AGENTS, message, steps)
        assert passed.seconds is not None
        n = int((passed.seconds.max(axis=1) <= 1.5).sum())
        assert each.in_budget is not None
        assert each.in_budget.step == n
        assert each.in_budget.sent == passed.sent[n - 1]
        assert each.at_last.seconds == passed.seconds[99].max()
        shorter = replace(problem, experiment=structs.replace(settings, steps=100))
        alone = predict(shorter, LoneTeam(AGENTS), np.array([n, 100]))
        assert each.in_budget.mse == pytest.approx(alone.mse[0], rel=0.03)
        assert each.at_last.mse == pytest.approx(alone.mse[1], rel=0.03)


@pytest.mark.parametrize(
    "pattern", [RandomMatching(interval=3), LSGDPP(participants=4), HLSGD(clusters=2, outer=5)]
)
def test_steps_by_bytes_are_those_of_counting(pattern: Pattern) -> None:
    topology = SmallWorld().build(9, 1, "topology")
    sent = elapsed(pattern.start(topology, 3), None, 9, 8, np.arange(400)).sent
    for budget in (0, 1, 100.5, 5000, 20_000):
        for most in (10, 150, 399):
            counted = min(most, int(np.searchsorted(sent, budget, side="right")) - 1)
            assert steps_by_bytes(pattern.start(topology, 3), 9, 8, budget, most) == counted


def test_rounds_of_a_step_size_move_with_their_interval() -> None:
    by_round = {"kind": "by_round", "gamma": 0.1}
    before = experiment(step_size=by_round, communication={"kind": "lsgd_fp", "interval": 4})
    after = with_interval(before, 7)
    assert after.communication == LSGDFP(interval=7)
    assert after.step_size == ByRound(gamma=0.1, interval=7)
    own = experiment(step_size=by_round | {"interval": 3}, communication="dsgd")
    assert with_interval(own, 7).step_size == own.step_size


def test_a_plan_is_printed_or_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    small = ["plan", "--agents", "4", "--steps", "20", "--set", "record.per_decade=2"]
    asked = [*small, "--intervals", "1, 4,log"]
    assert main(asked) == 0  # without a clock, in the bytes of the experiment
    said = capsys.readouterr().out
    assert "all-srw: dsgd with other intervals K, in 81.9 kB" in said
    assert "best in 81.9 kB: K = 4" in said
    clock = ["--set", "timing={latency=0.5}"]
    assert main([*asked, *clock, "--seconds", "10"]) == 0
    said = capsys.readouterr().out
    assert "in 10 simulated s" in said
    assert "best in 10 simulated s: K = 4" in said
    assert main([*asked, "--bytes", "1e12"]) == 0
    said = capsys.readouterr().out
    assert "no error is known of any interval in 1e+03 GB" in said
    assert "steps beyond 1,000,000 are not looked at" in said
    for wrong, message in (
        ([*asked, "--upgrade", "srw:srrw"], "--upgrade: expected without --intervals"),
        ([*asked, "--target-mse", "1"], "--target-mse: expected without --intervals"),
        ([*asked, "--by", "linear"], "by: expected 'auto' or 'paths', got 'linear'"),
        ([*asked, "--seconds", "2"], "--seconds: expected a table [timing]"),
        ([*asked, "--seconds", "-2"], "expected a number above 0, got '-2'"),
        ([*small, "--seconds", "2"], "--seconds: expected with --intervals"),
        ([*small, "--intervals", "1,lag"], "'lag'"),
        ([*small, "--intervals", "0"], "from 1 on"),
        ([*asked, "--set", "communication.kind=hlsgd"], "expected a pattern with an interval"),
        ([*asked, "--set", "communication.kind=async_gossip"], "expected a pattern with an"),
        (
            [*asked, "--set", "activation={kind='bernoulli', p=[0.2, 0.2, 0.2, 0.4]}"],
            "activation: expected one that predictions and plans can be made of, got bernoulli",
        ),
    ):
        assert main(wrong) == 2
        assert message in capsys.readouterr().err


def test_budgets_that_are_none_are_refused() -> None:
    for wrong, message in (
        ({"seconds": 0.0}, "seconds: expected a number above 0"),
        ({"seconds": 1.0, "sent": 1.0}, "seconds or bytes, got both"),
        ({"intervals": []}, "expected one at least"),
        ({"intervals": ["lag"]}, "got 'lag'"),
        ({"variant": "other"}, "unknown variant 'other'"),
    ):
        with pytest.raises(ConfigurationError, match=message):
            plan_intervals(experiment(), **wrong)
