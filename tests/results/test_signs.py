"""Signs of trouble are told from result files, name the agents, and promise what comes true."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from msgspec.structs import replace as replaced

import udsgd_mpi
from udsgd_mpi.analysis.signs import Evidence, Trouble, troubles
from udsgd_mpi.cli.main import main
from udsgd_mpi.communication import HLSGD, LSGDRC
from udsgd_mpi.communication.base import Pattern
from udsgd_mpi.storage.measured import Measured, read_measures
from udsgd_mpi.storage.read import read_experiments
from udsgd_mpi.support.telemetry import Telemetry

EVERY = list(range(8))
OF_POINTS = """
data = { source = "points.svm" }
objective = { kind = "ridge", l2 = 1.0 }
topology = "complete"
"""
RUNS = """
agents = 8
steps = 1500
trials = 24
step_size = { gamma = 1.5, offset = 100 }
[groups.two]
agents = "2"
sampler = "iid"
graph = { kind = "small_world", k = 2, p = 0.0 }
[groups.rest]
agents = "0-1, 3-7"
sampler = "iid"
graph = { kind = "small_world", k = 2, p = 0.0 }
[variant.healthy]
[variant.slow-walks]
groups = { two.sampler = "srw", rest.sampler = "srw" }
[variant.one-slow-walk]
groups.two.sampler = "srw"
[variant.far-apart]
timing = { compute = { kind = "constant", mean = 0.001 }, latency = 0.01 }
[variant.constant-steps]
groups = { two.sampler = "srw", rest.sampler = "srw" }
step_size = { gamma = 0.002, exponent = 0.0, offset = 0 }
"""
FIRST_STEPS = """
agents = 4
steps = 300
trials = 40
step_size = { gamma = 1.5, offset = 6 }
[groups.all]
share = 1.0
sampler = "srw"
graph = { kind = "small_world", k = 2, p = 0.0 }
[variant.walks]
[variant.independent]
groups.all.sampler = "iid"
"""


def computed(folder: Path, settings: str, agents: int, points: int) -> Path:
    """Results of settings on Gaussian points, as many of them as agents six times as far away."""
    rng = np.random.default_rng(8)
    x = rng.normal(size=(agents * points, 3))
    x[3::points] *= 6
    y = x @ [1.0, -1.0, 2.0] + rng.normal(size=len(x))
    (folder / "points.svm").write_text(
        "".join(
            f"{label!r} " + " ".join(f"{k + 1}:{v!r}" for k, v in enumerate(row)) + "\n"
            for label, row in zip(y.tolist(), x.tolist(), strict=True)
        )
    )
    (folder / "x.toml").write_text(OF_POINTS + settings)
    path = folder / "x.h5"
    assert main(["run", str(folder / "x.toml"), "--output", str(path), "--quiet"]) == 0
    return path


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return computed(tmp_path_factory.mktemp("signs"), RUNS, 8, 60)


@pytest.fixture(scope="module")
def first_steps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return computed(tmp_path_factory.mktemp("signs"), FIRST_STEPS, 4, 40)


def evidence(path: Path, name: str, **changes: Any) -> Evidence:
    measured = replace(read_measures(path)[name], **changes)
    return Evidence(measured, read_experiments(path)[name])


def only(found: Sequence[Trouble], sign: str) -> Trouble:
    assert [each.sign for each in found] == [sign]
    return found[0]


def test_a_healthy_run_shows_none(results: Path) -> None:
    assert udsgd_mpi.signs_of_trouble(results)["healthy"] == []


def test_a_floor_names_the_sampler_and_what_independent_draws_reach(results: Path) -> None:
    """The promised floor is that of the variant in which all draw independently."""
    found = only(udsgd_mpi.signs_of_trouble(results)["slow-walks"], "floor")
    assert found.agents == EVERY
    assert "srw of 8 agents" in found.text
    healthy = read_measures(results)["healthy"]
    assert healthy.limit is not None
    promised = found.numbers["floor_of_independent_draws"]
    assert promised == pytest.approx(healthy.step_size[-1] * healthy.limit, rel=1e-9)
    assert f"{found.numbers['floor']:.3g} predicted" in found.text
    assert f"{promised:.3g}" in found.remedy


def test_errors_above_their_floor_or_of_few_trials_are_not_on_it(results: Path) -> None:
    every = read_measures(results)["slow-walks"]
    above = {"squared_error": 3 * every.measure("squared_error")}
    fewer = {name: values[:, :5] for name, values in every.measures.items()}
    assert troubles(evidence(results, "slow-walks", measures=every.measures | above)) == []
    few = evidence(results, "slow-walks", measures=fewer, trials=every.trials[:5])
    assert troubles(few) == []


def test_constant_steps_have_their_stationary_floor(results: Path) -> None:
    found = only(udsgd_mpi.signs_of_trouble(results)["constant-steps"], "floor")
    with h5py.File(results) as file:
        run = file["runs/constant-steps"]
        variance = np.trace(run["stationary_covariance"][:])
    assert found.numbers["floor"] == pytest.approx(variance)
    assert "does not fall any more" in found.text


def test_one_slow_walk_is_named_and_what_its_upgrade_buys(results: Path) -> None:
    """With it upgraded the error is that of the variant in which it draws independently."""
    found = only(udsgd_mpi.signs_of_trouble(results)["one-slow-walk"], "speed-up")
    assert found.agents == [2]
    healthy = read_measures(results)["healthy"]
    assert healthy.limit is not None
    promised = found.numbers["error_after"]
    assert promised <= healthy.step_size[-1] * healthy.limit
    assert promised == pytest.approx(healthy.step_size[-1] * healthy.limit, rel=0.2)
    assert found.numbers["effective_agents"] == pytest.approx(8 * promised / found.numbers["error"])


def test_noisy_data_are_told_from_slow_walks(results: Path) -> None:
    traces = np.ones(8)
    traces[5] = 60.0
    noisy = evidence(results, "healthy", agent_traces=traces, independent_traces=traces)
    found = only(troubles(noisy), "speed-up")
    assert found.agents == [5]
    assert "larger batches" in found.remedy
    alike = evidence(results, "healthy", agent_traces=60 * traces, independent_traces=60 * traces)
    assert only(troubles(alike), "speed-up").agents == [5]
    traces[5] = 7.0
    assert troubles(evidence(results, "healthy", agent_traces=traces)) == []


def test_links_that_take_most_of_the_time_ask_for_rarer_exchanges(results: Path) -> None:
    """Shares in closed form: 10 ms a message beside K steps of 1 ms each."""
    found = only(udsgd_mpi.signs_of_trouble(results)["far-apart"], "exchanges")
    assert found.numbers["share"] == pytest.approx(10 / 11)
    better = found.numbers["better_interval"]
    assert better > 10
    assert found.numbers["left"] == pytest.approx(10 / (10 + better))
    assert f"communication.interval = {better:.0f}" in found.remedy


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        (HLSGD(inner=1, outer=10), "communication.inner = {0:.0f}, communication.outer = {1:.0f}"),
        (LSGDRC(), "communication.interval = {0:.0f}"),
    ],
)
def test_remedies_name_the_settings_of_the_pattern(
    pattern: Pattern, expected: str, results: Path
) -> None:
    of = evidence(results, "far-apart")
    changed = replaced(of.experiment, communication=pattern)
    found = only(troubles(of._replace(experiment=changed)), "exchanges")
    better = found.numbers["better_interval"]
    times = better / found.numbers["interval"]
    assert expected.format(better, 10 * times) in found.remedy


@pytest.mark.parametrize(
    ("waiting", "consensus", "expected"),
    [
        ([9.0, 8.5], 1e-9, ["exchanges"]),
        ([9.0, 1.0], 1e-9, []),  # one waits for the other, not for the link
        ([9.0, 8.5], 1.0, []),  # they disagree: rarer exchanges would cost
        ([9.0], 1e-9, []),
        ([0.9, 0.85], 1e-9, []),  # a second
    ],
)
def test_ranks_that_all_wait_ask_for_rarer_exchanges(
    waiting: list[float], consensus: float, expected: list[str], results: Path
) -> None:
    error = read_measures(results)["healthy"].measure("squared_error")
    measures = {"squared_error": error, "consensus_error": consensus * error}
    whole = 10.0 if max(waiting) > 1 else 1.0
    rows = [
        Telemetry(0, rank, "host", 4 * rank, 4, 0, whole - w, 0, w, 0, 1, 8, 1)
        for rank, w in enumerate(waiting)
    ]
    of = evidence(results, "healthy", measures=measures)._replace(telemetry=rows)
    assert [each.sign for each in troubles(of)] == expected


def test_explosions_by_correlated_draws_are_named_and_what_stops_them(
    first_steps: Path, tmp_path: Path
) -> None:
    """With the same steps independent draws explode in no trial, and with the offset none do."""
    found = udsgd_mpi.signs_of_trouble(first_steps)
    assert found["independent"] == []
    trouble = next(each for each in found["walks"] if each.sign == "divergence")
    steps = read_measures(first_steps)["walks"].first_steps
    assert steps is not None
    assert trouble.agents == np.flatnonzero(steps > 1).tolist()
    assert "are correlated" in trouble.text
    assert 1 <= trouble.numbers["exploded"] < 40
    offset = trouble.remedy.partition("step_size.offset = ")[2].partition(" ")[0]
    mended = FIRST_STEPS.replace("offset = 6", f"offset = {offset}")
    after = computed(tmp_path, mended, 4, 40)
    assert not any(each.sign == "divergence" for each in udsgd_mpi.signs_of_trouble(after)["walks"])
    safe = read_measures(after)["walks"].first_steps
    assert safe is not None
    assert 0.9 < safe.max() <= 1


def test_agents_without_noise_show_none(results: Path) -> None:
    """As where all begin at θ*, and every gradient is 0 there."""
    nothing = np.zeros(8)
    none = {name: 0 * v for name, v in read_measures(results)["healthy"].measures.items()}
    of = {"agent_traces": nothing, "independent_traces": nothing, "measures": none}
    assert troubles(evidence(results, "healthy", **of)) == []


def diverged(path: Path, **changes: Any) -> Trouble:
    one = evidence(path, "healthy", diverged=3, **changes)
    return next(each for each in troubles(one) if each.sign == "divergence")


def test_trials_that_overflow_are_counted(results: Path) -> None:
    found = diverged(results)
    assert found.numbers["exploded"] == 3
    assert found.numbers["trials"] == 27
    assert "no agent's first steps overshoot" in found.text
    older = diverged(results, first_steps=None)
    assert "the file does not hold" in older.text
    assert "step_size.offset" in older.remedy


def test_files_without_predictions_are_read(results: Path) -> None:
    nothing: dict[str, Any] = {
        "agent_traces": None,
        "independent_traces": None,
        "first_steps": None,
        "predicted_mse": None,
    }
    for name in read_measures(results):
        signs = {each.sign for each in troubles(evidence(results, name, **nothing))}
        assert signs <= {"exchanges", "floor"}


def test_reports_print_them(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", str(results), "--figure", str(tmp_path / "x.png")]) == 0
    said = capsys.readouterr().out
    assert "healthy: sign" not in said
    for name, those in udsgd_mpi.signs_of_trouble(results).items():
        for each in those:
            assert f"{name}: sign of trouble: {each}" in said


def test_independent_draws_add_what_they_are_said_to(results: Path) -> None:
    """Held against V of the same agents with that sampler, for falling and for constant steps."""
    variants: dict[str, Measured] = read_measures(results)
    walks, free = variants["slow-walks"], variants["healthy"]
    assert walks.independent_traces is not None
    assert free.agent_traces is not None
    np.testing.assert_allclose(walks.independent_traces, free.agent_traces, rtol=1e-9)
    np.testing.assert_allclose(free.independent_traces, free.agent_traces, rtol=1e-9)
    constant = variants["constant-steps"]
    assert constant.independent_variances is not None
    assert constant.stationary_variances is not None
    ratio = constant.stationary_variances / constant.independent_variances
    assert walks.agent_traces is not None
    assert (ratio > 5).all()
    assert (ratio < walks.agent_traces / walks.independent_traces).all()
