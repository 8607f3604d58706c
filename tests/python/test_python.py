"""Python's functions do what the command line does, and leave the process as it was."""

import ast
import gc
import os
import signal
import threading
import warnings
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from msgspec.structs import replace

import udsgd_mpi
from tests.python.typed import SETTINGS, typed
from udsgd_mpi.api.asked import checked
from udsgd_mpi.cli.main import main
from udsgd_mpi.communication import AnyActivation, AnyPattern
from udsgd_mpi.communication.compression import AnyCompression
from udsgd_mpi.data.partition import AnyPartition
from udsgd_mpi.forecast.diagnosis import diagnose as diagnose_on
from udsgd_mpi.graphs import AnyGraph
from udsgd_mpi.graphs.generators import Clustered
from udsgd_mpi.methods import AnyMethod
from udsgd_mpi.methods.step_sizes import AnyStepSize
from udsgd_mpi.objectives import AnyObjective
from udsgd_mpi.samplers import NBRW, SRRW, SRW, AnySampler
from udsgd_mpi.support.errors import ConfigurationError, Stopped


def state_of_process() -> dict[str, object]:
    return {
        "handlers": [signal.getsignal(each) for each in signal.valid_signals()],
        "blocked": signal.pthread_sigmask(signal.SIG_BLOCK, []),
        "filters": list(warnings.filters),
        "environment": dict(os.environ),
        "os._exit": os._exit,
        "threads": threading.enumerate(),
        "collecting": gc.isenabled(),
    }


def test_types_are_known_where_they_are_imported_from() -> None:
    tree = ast.parse(Path(udsgd_mpi.__file__).read_text(encoding="utf-8"))
    block = next(each for each in tree.body if isinstance(each, ast.If))
    known = {
        alias.name: each.module
        for each in block.body
        if isinstance(each, ast.ImportFrom)
        for alias in each.names
    }
    assert known == {name: f"udsgd_mpi.{module}" for name, module in udsgd_mpi._MODULES.items()}
    for name in udsgd_mpi.__all__:
        assert getattr(udsgd_mpi, name) is not None
    assert dir(udsgd_mpi) == sorted(udsgd_mpi.__all__)
    with pytest.raises(AttributeError, match="no attribute 'runs'"):
        udsgd_mpi.runs  # type: ignore[attr-defined]  # noqa: B018


@pytest.mark.parametrize(
    "family",
    [
        AnyActivation,
        AnyCompression,
        AnyGraph,
        AnyMethod,
        AnyObjective,
        AnyPartition,
        AnyPattern,
        AnySampler,
        AnyStepSize,
    ],
    ids=str,
)
def test_every_member_of_a_family_is_at_hand(family: Any) -> None:
    for member in get_args(family):
        assert getattr(udsgd_mpi, member.__name__) is member


def test_classes_and_settings_are_the_same_experiment() -> None:
    assert udsgd_mpi.load(SETTINGS) == {"main": typed()}


def test_a_run_leaves_the_process_as_it_was(folder: Path) -> None:
    before, frozen = state_of_process(), gc.get_freeze_count()
    results = udsgd_mpi.run(typed(), output="a.h5")
    assert state_of_process() == before
    assert gc.get_freeze_count() <= frozen
    assert results.attrs["status"] == "complete"
    assert results.equals(udsgd_mpi.open_results(folder / "a.h5"))
    for wrong in ({}, {"resume": "required", "output": "b.h5"}, {"force": True, "max_time": 1e-6}):
        with pytest.raises((ConfigurationError, Stopped)):
            udsgd_mpi.run(typed(), **{"output": "a.h5"} | wrong)  # type: ignore[arg-type]
        assert state_of_process() == before
    assert udsgd_mpi.run(typed(), output="a.h5", force=True).equals(results)
    with pytest.warns(UserWarning, match="γ₁L = "):
        expected = udsgd_mpi.predict(typed())["main"]
    np.testing.assert_array_equal(results.predicted_mse.sel(variant="main"), expected.mse)


def said_by_command_line(file: Path, capsys: pytest.CaptureFixture[str]) -> str:
    assert main(["predict", str(file)]) == 2
    return capsys.readouterr().err.removeprefix("udsgd: error: ").rstrip("\n")


@pytest.mark.parametrize(
    "wrong",
    ["stpes = 3", "steps = 0", "[variant.a]\ngroups.walkers.sampler = 'srv'", "steps = "],
)
def test_errors_are_those_of_the_command_line(
    wrong: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = folder / "x.toml"
    file.write_text(f"agents = 3\n{wrong}\n[groups.walkers]\nshare = 1.0\nsampler = 'iid'\n")
    with pytest.raises(ConfigurationError) as raised:
        udsgd_mpi.load(file)
    assert str(raised.value) == said_by_command_line(file, capsys)


def test_values_that_no_type_checker_has_seen_are_refused(folder: Path) -> None:
    a = typed()
    with pytest.raises(ConfigurationError, match=r"trials: expected int >= 1, got 0"):
        udsgd_mpi.run(replace(a, trials=0))
    with pytest.raises(ConfigurationError, match=r"\[variant.a\] trials: expected int, got 'x'"):
        udsgd_mpi.run({"a": replace(a, trials="x")})
    with pytest.raises(ConfigurationError, match="a: expected an Experiment, got dict"):
        udsgd_mpi.run({"a": SETTINGS})  # type: ignore[dict-item]
    with pytest.raises(ConfigurationError, match=r"main: expected numbers, texts, .* got <object"):
        udsgd_mpi.run({"main": replace(a, seed=object())})
    with pytest.raises(ConfigurationError, match="comm: expected an intracommunicator"):
        udsgd_mpi.run(a, "all")  # type: ignore[arg-type]
    assert not list(folder.iterdir())


@pytest.mark.parametrize(
    ("keywords", "said"),
    [
        ({"resume": "yes"}, "resume: expected one of 'no', 'auto', 'required', got 'yes'"),
        ({"on_divergence": 1}, "on_divergence: expected one of 'stop', 'mask', got 1"),
        ({"force": 1}, "force: expected True or False, got 1"),
        ({"max_time": "5x"}, "max_time: expected a time such as 90s, 5m, 2h or 1h30m, got '5x'"),
        ({"stall_timeout": 0}, "stall_timeout: expected a time .*, got '0s'"),
        ({"checkpoint_every": 0}, "checkpoint_every: expected a time .* of steps, got 0"),
        ({"allow_changes": "steps"}, r"allow_changes: expected \['steps'\] or \[\]"),
        ({"restarts": 1}, "restarts: expected ranks=N beside it"),
        ({"ranks": 0}, "ranks: expected a number from 1 on, got 0"),
        ({"ranks": 2, "restarts": -1}, "restarts: expected a number from 0 on, got -1"),
    ],
)
def test_wrong_keywords_are_refused(keywords: dict[str, Any], said: str, folder: Path) -> None:
    with pytest.raises(ConfigurationError, match=said):
        udsgd_mpi.run(typed(), **keywords)
    assert not list(folder.iterdir())


def test_experiments_that_ship_with_the_package(folder: Path) -> None:
    quick = udsgd_mpi.load("fig2a", {"trials": 5, "step_size.gamma": 0.5}, size="quick")
    assert {(each.trials, each.step_size(1, 1)[0]) for each in quick.values()} == {(5, 0.5)}
    full = udsgd_mpi.load("fig2a")
    assert quick.keys() == full.keys()
    with pytest.raises(ConfigurationError, match="did you mean 'fig2a'"):
        udsgd_mpi.load("fig2aa")
    with pytest.raises(ConfigurationError, match=r"experiment file fig2a.toml: cannot"):
        udsgd_mpi.load("fig2a.toml")
    (folder / "fig2a").write_text("[groups.all]\nshare = 1.0\nsampler = 'iid'\n")
    assert udsgd_mpi.load("fig2a").keys() == {"main"}


def test_numbers_of_numpy_and_paths_will_do() -> None:
    experiment = typed()
    odd = replace(experiment, steps=np.int64(60), output=Path("a.h5"))
    assert checked(odd) == {"main": replace(experiment, output="a.h5")}
    assert type(checked(odd)["main"].steps) is int


def test_plans_count_upgrades_as_one_by_one() -> None:
    found = udsgd_mpi.plan(typed(), {"srw": SRRW(alpha=5.0)})
    assert len(found.candidates) == 2
    all_of_them = [found.upgraded(k) for k in range(3)]
    assert [each.agents for each in all_of_them] == [0, 1, 2]
    goal = found.with_all(NBRW())
    fewest = next((k for k in range(3) if all_of_them[k].trace <= goal.trace), None)
    assert found.fewest(trace=goal.trace) == fewest
    assert found.fewest(mse=all_of_them[1].mse) == 1
    assert found.fewest(trace=0.0) is None
    as_is = found.variant("main")
    assert as_is.trace == pytest.approx(all_of_them[0].trace)
    with pytest.raises(ConfigurationError, match="unknown variant 'man': did you mean 'main'"):
        found.variant("man")


def test_a_diagnosis_is_that_of_the_settings() -> None:
    graph = Clustered(clusters=4).build(40, 3, "graph")
    expected = diagnose_on(SRW(), 40, graph, 500, 20, 3)
    by_class = udsgd_mpi.diagnose(SRW(), Clustered(clusters=4), 40, steps=500, trials=20, seed=3)
    by_name = udsgd_mpi.diagnose("srw", "clustered", 40, steps=500, trials=20, seed=3)
    for found in (by_class, by_name):
        np.testing.assert_array_equal(found.measured_variance, expected.measured_variance)
    with pytest.raises(ConfigurationError, match="graph clustered: expected a number of points"):
        udsgd_mpi.diagnose("srw", "clustered")


def test_a_second_run_in_another_thread_is_refused(folder: Path) -> None:
    said: list[str] = []

    def run() -> None:
        try:
            udsgd_mpi.run(typed(), output="b.h5")
        except ConfigurationError as error:
            said.append(str(error))

    from udsgd_mpi.api.here import _one_run

    with _one_run:
        thread = threading.Thread(target=run)
        thread.start()
        thread.join(60)
    assert "one run at a time in a process" in said[0]
    assert not list(folder.iterdir())


OWN = """
class Ridge:
    def __init__(self):
        self.calls = 0

    def value(self, theta, x, y):
        self.calls += 1
        return FACTOR * (((theta * x).sum(axis=1) - y) ** 2 + (theta**2).sum(axis=1))

    def gradient(self, theta, x, y):
        self.calls += 1
        return 2 * FACTOR * (((theta * x).sum(axis=1) - y)[:, None] * x + theta)
"""


def test_a_class_that_was_edited_is_loaded_again(folder: Path) -> None:
    own = {"kind": "custom", "path": "edited:Ridge"}
    settings = SETTINGS | {"objective": own, "record": {"predict": False}}
    minimizers = []
    for number, factor in enumerate(("0.5", "0.25")):
        (folder / "edited.py").write_text(f"FACTOR = {factor}\n{OWN}")
        results = udsgd_mpi.run(udsgd_mpi.load(settings), output=f"{number}.h5")
        minimizers.append((results.minimizer.values, results.squared_error.values))
        again = udsgd_mpi.run(udsgd_mpi.load(settings), output=f"{number}.h5", force=True)
        assert again.equals(results)
    np.testing.assert_allclose(minimizers[0][0], minimizers[1][0], atol=1e-6)  # the same, scaled
    assert not np.array_equal(minimizers[0][1], minimizers[1][1])
