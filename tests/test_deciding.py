"""Every setting decides numbers unless a list says that it does not; any new one does."""

from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from msgspec import structs

from tests.small_problem import problem, write_points
from tests.test_merge import part
from udsgd_mpi.communication import AnyPattern
from udsgd_mpi.data.partition import Even
from udsgd_mpi.experiment.check import check, settings_of
from udsgd_mpi.experiment.deciding import (
    DECIDE_NO_MEASURE,
    DECIDE_NO_MEASURE_OF_AGENTS,
    DECIDE_NO_NOISE,
    DECIDE_NO_W,
    DECIDE_NOTHING,
    DECIDE_TRIALS_ALONE,
)
from udsgd_mpi.experiment.read import to_toml
from udsgd_mpi.experiment.schema import Data, Experiment, Group, Timing
from udsgd_mpi.graphs.generators import Star
from udsgd_mpi.problem import (
    LoneTeam,
    Problem,
    inputs_of_agents,
    inputs_of_noise,
    inputs_of_run,
)
from udsgd_mpi.problem.local_data import hold
from udsgd_mpi.storage.earlier_run import find_earlier_run
from udsgd_mpi.storage.merge import merge_parts
from udsgd_mpi.storage.write import write_results
from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.support.own_sources import sources_of

SETTINGS = Experiment.__struct_fields__
KINDS = ("ring", "star")
# Another value of each setting that is not a number.
OTHERS: dict[str, Any] = {
    "activation": "bernoulli",
    "communication": "lsgd_fp",
    "data": {"source": "digits"},
    "dtype": "float32",
    "method": "momentum",
    "objective": "ridge",
    "output": "other.h5",
    "partition": "shared",
    "record": {"polyak": False},
    "step_size": {"gamma": 3.0},
    "timing": {},
    "title": "Other",
    "topology": "star",
    "weight": "none",
    "weighting": "points",
}


@pytest.fixture(scope="module")
def posed(tmp_path_factory: pytest.TempPathFactory) -> Problem:
    return problem(write_points(tmp_path_factory.mktemp("data") / "points.svm"), "srw")


def changed(posed: Problem, **settings: Any) -> Problem:
    """The same problem under other settings, which are not read here."""
    return replace(posed, experiment=structs.replace(posed.experiment, **settings))


@pytest.mark.parametrize("setting", [name for name in SETTINGS if name != "groups"])
def test_of_a_variant(setting: str, posed: Problem, tmp_path: Path) -> None:
    before = settings_of(posed.experiment)
    after = before | {setting: OTHERS.get(setting, 3)}
    other = replace(posed, experiment=check(after))
    same_numbers = inputs_of_run(other) == inputs_of_run(posed)
    assert same_numbers == (setting in DECIDE_NO_MEASURE)

    output = tmp_path / "x.h5"
    attributes = part("", 0, 0).attributes
    write_results(output, {**attributes, "configuration": to_toml({"a": posed.experiment})}, {})
    parts = [part("1", 0, 4, **before), part("2", 4, 7, **after)]
    if setting in DECIDE_NOTHING:
        find_earlier_run({"a": other.experiment}, output, "required", agents=1, force=False)
    else:
        with pytest.raises(ConfigurationError, match=rf"variant\.a\.{setting}"):
            find_earlier_run({"a": other.experiment}, output, "required", agents=1, force=False)
    if setting in DECIDE_NOTHING | DECIDE_TRIALS_ALONE:
        merge_parts(parts, "all.h5")
    else:
        with pytest.raises(ConfigurationError, match=rf"expected variant\.a\.{setting}"):
            merge_parts(parts, "all.h5")


@pytest.mark.parametrize("setting", Group.__struct_fields__)
def test_of_a_group(setting: str, posed: Problem) -> None:
    (group,) = posed.experiment.groups.values()
    value = {"share": 0.5, "agents": "0-3"}.get(setting, "other")
    groups = {"renamed": structs.replace(group, **{setting: value})}
    if setting == "share":
        groups["more"] = groups["renamed"]
    if setting == "agents":
        groups["renamed"] = structs.replace(groups["renamed"], share=None)
    other = changed(posed, groups=groups, timing=Timing())
    same_numbers = inputs_of_run(other) == inputs_of_run(posed)
    assert same_numbers == (setting in DECIDE_NO_MEASURE_OF_AGENTS)


@pytest.mark.parametrize("setting", [name for name in SETTINGS if name != "groups"])
def test_of_the_limit(setting: str, posed: Problem) -> None:
    after = settings_of(posed.experiment) | {setting: OTHERS.get(setting, 3)}
    other = replace(posed, experiment=check(after))
    same_noise = inputs_of_noise(other) == inputs_of_noise(posed)
    assert same_noise == (setting in DECIDE_NO_NOISE)


class Later(Experiment, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A version with a setting that no list knows."""

    added: str = "as before"


def test_a_new_setting_decides_numbers(posed: Problem) -> None:
    now = {name: getattr(posed.experiment, name) for name in SETTINGS}
    before, after = (
        replace(posed, experiment=Later(**now, **added)) for added in ({}, {"added": "other"})
    )
    assert inputs_of_run(before) != inputs_of_run(after)
    assert inputs_of_noise(before) != inputs_of_noise(after)


def test_the_lists_name_settings() -> None:
    """A setting that gets another name would otherwise decide numbers from then on."""
    assert set(SETTINGS) >= DECIDE_NO_MEASURE | DECIDE_NO_NOISE | DECIDE_TRIALS_ALONE
    assert set(Group.__struct_fields__) >= DECIDE_NO_MEASURE_OF_AGENTS
    of_patterns = {name for kind in get_args(AnyPattern) for name in kind.__struct_fields__}
    assert of_patterns >= DECIDE_NO_W


def with_digests(posed: Problem, **digests: Any) -> Problem:
    return replace(posed, digests=structs.replace(posed.digests, **digests))


def test_what_was_read_counts(posed: Problem) -> None:
    """Also where neither settings nor θ* tell of it."""
    data, graphs = ([*each[:3], "other"] for each in (posed.digests.data, posed.digests.graphs))
    for digests in ({"data": data}, {"graphs": graphs}, {"sources": {"mine.py": "other"}}):
        other = with_digests(posed, **digests)
        assert inputs_of_run(other) != inputs_of_run(posed)
        same = [a == b for a, b in zip(*map(inputs_of_agents, (other, posed)), strict=True)]
        assert same == [False] * 4 if "sources" in digests else [True, True, True, False]
    for digests in ({"topology": "other"}, {"W": ["other"]}, {"test": "other"}):
        other = with_digests(posed, **digests)
        assert inputs_of_run(other) != inputs_of_run(posed)
        assert inputs_of_noise(other) == inputs_of_noise(posed)


def test_of_exchanges_what_says_who_steps_decides_noise(tmp_path: Path) -> None:
    """Of agents that are away at times; plans of intervals forecast each of them once."""
    points, trace = write_points(tmp_path / "points.svm"), tmp_path / "trace.csv"
    day = {"kind": "trace", "path": str(trace), "period": 9}

    def noise(pattern: dict[str, Any], hours: str = "0,5") -> bytes:
        rows = "".join(f"{i},{hours}\n" for i in range(4))
        trace.write_text("agent,from,to\n" + rows)
        posed = problem(points, "iid", communication=pattern, activation=day)
        return inputs_of_noise(posed)

    dsgd, clocks = {"kind": "dsgd"}, {"kind": "async_gossip"}
    assert noise(dsgd) == noise({**dsgd, "interval": 5, "precision": "single"})
    assert noise(dsgd) != noise(dsgd, "2,7")
    assert noise(clocks) == noise({**clocks, "precision": "single"})
    assert noise(clocks) != noise({**clocks, "step_rate": 0.5})


def test_digests_are_of_what_was_read_and_drawn(tmp_path: Path) -> None:
    points = write_points(tmp_path / "points.svm")
    first = problem(points, "srw").digests
    assert len(set(first.data)) == len(set(first.graphs)) == 4
    assert first.sources == {}
    again = problem(points.rename(tmp_path / "renamed.svm"), "srw").digests
    assert again == first
    points = tmp_path / "renamed.svm"
    ring, star = (problem(points, "iid", topology=kind, communication="dsgd") for kind in KINDS)
    assert ring.digests.data == star.digests.data == first.data
    assert ring.digests.graphs == [""] * 4
    assert ring.digests.W != star.digests.W
    assert star.digests.topology == Star().build(4, 0, "").digest != ring.digests.topology
    groups = {"all": {"share": 1, "sampler": "iid", "batch": 4}}
    batches = problem(points, "iid", groups=groups, partition="shared").digests.data
    assert len(set(batches)) == 4  # orders of the same points


def test_standardised_numbers_are_not_compared(tmp_path: Path) -> None:
    """Their last bits may be others on another processor."""
    points = write_points(tmp_path / "points.svm")
    raw, scaled = (
        hold(Data(str(points), standardize=standardize), Even(), 1, LoneTeam(4))
        for standardize in (False, True)
    )
    assert raw.digests == scaled.digests
    assert not np.array_equal(raw.rows[0].features, scaled.rows[0].features)


def test_sources_of_an_objective(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that it imports from beside it, wherever in the file, and what these import."""
    files = {
        "deciding_own/__init__.py": "",
        "deciding_own/mine.py": "import numpy\nfrom . import near\nfrom .far import x\n",
        "deciding_own/near.py": "def f():\n    import deciding_beside.inner\n",
        "deciding_own/far.py": "x = 1\nfrom deciding_own import mine\n",
        "deciding_own/other.py": "",
        "deciding_beside/__init__.py": "",
        "deciding_beside/inner.py": "from .. import nowhere\nimport random\n",
        "deciding_beside/other.py": "",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    assert sources_of(import_module("deciding_own.mine")) == {
        name: tmp_path / name for name in files if "other" not in name
    }
    assert sources_of(import_module("itertools")) == {}
    installed = sources_of(import_module("scipy.version"))
    assert {name.partition("/")[0] for name in installed} == {"scipy"}
