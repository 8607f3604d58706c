"""An experiment file may name axes, of which all combinations are variants."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from msgspec import Struct

from tests.claimed import errors, measured
from udsgd_mpi.analysis.figures import FIGURES, axes_of, figure, style
from udsgd_mpi.experiment.read import read_experiment, to_toml, variants
from udsgd_mpi.experiment.shipped import Shipped
from udsgd_mpi.support.errors import ConfigurationError

TEXT = """
steps = 50
objective = "logistic"
groups.few.sampler = "srw"
groups.few.share = 0.5
groups.rest.sampler = "srw"
groups.rest.share = 0.5

[axis.task.cancer]
[axis.task.ridge]
objective = { kind = "ridge", l2 = 0.5 }
data.source = "own.svm"
steps = 70

[axis.upgraded.none]
[axis.upgraded.few]
groups.few.sampler = "iid"
steps = 90
"""


def kind(member: Struct) -> str:
    return str(member.__struct_config__.tag)


def test_variants_are_all_combinations_and_later_axes_win(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(TEXT)
    (tmp_path / "own.svm").write_text("1 1:1\n")
    found = variants(read_experiment(path), {"trials": 3}, tmp_path)
    assert [*found] == ["cancer-none", "cancer-few", "ridge-none", "ridge-few"]
    assert [each.steps for each in found.values()] == [50, 90, 70, 90]
    assert [each.groups["few"].sampler.name for each in found.values()] == ["srw", "iid"] * 2
    assert [kind(each.objective) for each in found.values()] == ["logistic"] * 2 + ["ridge"] * 2
    assert {each.trials for each in found.values()} == {3}
    # A file that an axis names lies beside the experiment, wherever one works.
    assert Path(found["ridge-few"].data.source).resolve() == tmp_path / "own.svm"
    written = to_toml(found)
    path.write_text(written)
    again = variants(read_experiment(path), {}, Path(found["ridge-few"].output).parent)
    assert to_toml(again) == written


def test_values_of_a_size_are_laid_over_those_of_the_axis() -> None:
    full, quick = (Shipped("ablation").variants({}, size=size) for size in ("full", "quick"))
    assert len(full) == 48
    for name in full:
        task, topology, upgrades = name.split("-")
        assert kind(full[name].topology) == kind(quick[name].topology) == topology
        for each in (full[name], quick[name]):
            upgraded = {"0": 0, "2": 1, "5": 2, "10": 3}[upgrades]
            samplers = [each.groups[group].sampler.name for group in ("two", "five", "ten", "rest")]
            before = "stream" if task == "ridge_air" else "srw"
            assert samplers == ["iid"] * upgraded + [before] * (4 - upgraded)
        assert quick[name].data.source in {"breast_cancer", "digits"}


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ({"axis": {}}, r"axis: expected tables \[axis.AXIS.VALUE\], got {}"),
        ({"axis": {"a": {}}}, r"axis.a: expected tables \[axis.a.VALUE\], got {}"),
        ({"axis": {"a": 3}}, r"axis.a: expected tables \[axis.a.VALUE\], got 3"),
        ({"axis": {"a": {"steps": 3}}}, "axis.a.steps: expected a table, got 3"),
        ({"axis": {"a": {"x-y": {}}}}, "axis.a.x-y: expected a name of letters, digits and _, got"),
        (
            {"axis": {"a": {"x": {}}}, "variant": {"y": {}}},
            "axis: expected it or tables .*got both",
        ),
        ({"axis": {"a": {"x": {"stps": 3}}}}, r"\[axis.a.x\] .*'stps': did you mean 'steps'"),
        ({"axis": {"a": {"x": {"steps": -3}}, "b": {"z": {}}}}, r"\[variant.x-z\] steps: "),
        (
            {"axis": {a: {f"v{k}": {} for k in range(11)} for a in "abc"}},
            "at most 1,000 combinations of values, got 1,331",
        ),
    ],
)
def test_axes_that_are_none_are_refused(raw: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        variants(raw | {"groups": {"all": {"sampler": "iid"}}}, {})


def test_names_tell_axes_where_they_combine_all_values() -> None:
    names = [f"{a}-{b}-{c}" for a in "xy" for b in "pqr" for c in ("0", "2")]
    assert axes_of(names) == [["x", "y"], ["p", "q", "r"], ["0", "2"]]
    assert axes_of(names[1:]) is None
    assert axes_of(["srrw-10", "nbrw-50"]) is None
    assert axes_of(["x-p-0", "y-p-0"]) is None
    assert axes_of([]) is None


@pytest.mark.parametrize("trials", [1, 40])
def test_panels_show_errors_beside_those_of_the_first_value(trials: int) -> None:
    rng = np.random.default_rng(2)
    means = {"0": 4.0, "2": 3.0, "10": 1.0}
    found = {
        f"{task}-{topology}-{k}": measured(errors(rng, mean, trials), predicted=mean)
        for task in "xy"
        for topology in ("ring", "complete")
        for k, mean in means.items()
    }
    with style("screen"):
        drawn = figure(found, "combinations")
    assert len(drawn.axes) == 4
    for panel in drawn.axes:
        bars, line = panel.containers[0], panel.lines[-1]
        np.testing.assert_allclose(line.get_ydata(), [1, 0.75, 0.25])
        assert len(bars.lines[0].get_ydata()) == 3
    shown = [each.get_text() for each in drawn.axes[-1].get_xticklabels()]
    assert shown == ["0", "2", "10"]
    assert drawn.axes[-1].get_xlabel() == "value of the last axis"
    assert drawn.get_supylabel() == "error at the last step, over that of 0"
    first = found["x-ring-0"].measure("squared_error")[-1].mean()
    last = found["x-ring-10"].measure("squared_error")[-1].mean()
    assert drawn.axes[0].containers[0].lines[0].get_ydata()[2] == pytest.approx(last / first)


def test_other_variants_have_no_panels() -> None:
    found = {"srw": measured(np.ones(4)), "iid": measured(np.ones(4))}
    with pytest.raises(ConfigurationError, match="expected variants of three axes"):
        figure(found, "combinations")
    assert FIGURES["combinations"].of(found) == found
