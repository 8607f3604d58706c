"""Kinds that are names of entry points are those of classes in installed packages."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from udsgd_mpi.experiment import installed
from udsgd_mpi.experiment.check import check, one_of, settings_of
from udsgd_mpi.experiment.read import read_experiment, variants
from udsgd_mpi.samplers import AnySampler
from udsgd_mpi.support.errors import ConfigurationError

ENTRY_POINTS = """
[udsgd_mpi.samplers]
levy = tiny_parts:Levy

[udsgd_mpi.patterns]
pairwise = tests.own_pattern:Gossip

[udsgd_mpi.objectives]
own-ridge = tests.own_objective:OwnRidge

[udsgd_mpi.partitions]
quarters = tiny_parts:Quarters

[udsgd_mpi.readers]
sheet = tiny_parts:Table

[udsgd_mpi.methods]
signum = tiny_parts.methods:Signum
"""
GROUP = {"all": {"share": 1, "sampler": "iid"}}


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of packages, with one that is installed."""
    install(tmp_path, "tiny", ENTRY_POINTS)
    monkeypatch.syspath_prepend(tmp_path)
    installed._of_group.cache_clear()
    yield tmp_path
    installed._of_group.cache_clear()


def install(site: Path, name: str, entry_points: str) -> None:
    """As pip leaves a package."""
    folder = site / f"{name}-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
    (folder / "entry_points.txt").write_text(entry_points)


@pytest.mark.usefixtures("site")
@pytest.mark.parametrize(
    ("key", "raw", "expected"),
    [
        (
            "communication",
            {"kind": "pairwise", "keep": 0.25, "interval": 3, "precision": "single"},
            {
                "path": "tests.own_pattern:Gossip",
                "arguments": {"keep": 0.25},
                "interval": 3,
                "precision": "single",
            },
        ),
        ("communication", "pairwise", {"path": "tests.own_pattern:Gossip"}),
        (
            "objective",
            {"kind": "own-ridge", "l2": 0.1, "minimizer": "none"},
            {
                "path": "tests.own_objective:OwnRidge",
                "arguments": {"l2": 0.1},
                "minimizer": "none",
            },
        ),
        ("partition", "quarters", {"path": "tiny_parts:Quarters"}),
        (
            "method",
            {"kind": "signum", "beta": 0.5},
            {"path": "tiny_parts.methods:Signum", "arguments": {"beta": 0.5}},
        ),
    ],
)
def test_a_name_stands_for_a_class(key: str, raw: Any, expected: dict[str, Any]) -> None:
    before = settings_of(check({"groups": GROUP, key: {"kind": "custom", **expected}}))
    assert settings_of(check({"groups": GROUP, key: raw})) == before
    assert before[key]["kind"] == "custom"
    assert before[key]["path"] == expected["path"]


@pytest.mark.usefixtures("site")
def test_a_sampler_is_named_in_groups() -> None:
    groups = {
        "jumping": {"agents": "0", "sampler": {"kind": "levy", "jumps": 0.1}, "graph": "ring"},
        "plain": {"agents": "1", "sampler": "iid"},
    }
    sampler = settings_of(check({"groups": groups}))["groups"]["jumping"]["sampler"]
    assert sampler["path"] == "tiny_parts:Levy"
    assert sampler["arguments"] == {"jumps": 0.1}
    assert one_of(AnySampler, "levy", "sampler").path == "tiny_parts:Levy"


@pytest.mark.usefixtures("site")
def test_a_reader_is_named_in_data() -> None:
    raw = {"kind": "sheet", "path": "x.parquet", "columns": [1, 2], "standardize": True}
    data = check({"groups": GROUP, "data": raw}).data
    assert data.standardize
    assert data.reader is not None
    assert data.reader.path == "tiny_parts:Table"
    assert data.reader.arguments == {"path": "x.parquet", "columns": [1, 2]}


@pytest.mark.usefixtures("site")
def test_variants_change_arguments_of_a_name(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_text(
        """
        method = { kind = "signum", beta = 0.5, sign = true }
        groups.all = { share = 1, sampler = "iid" }
        variant.slow.method.beta = 0.9
        variant.plain.method = "sgd"
        """
    )
    found = variants(read_experiment(path), {"steps": 7})
    assert found["slow"].method.arguments == {"beta": 0.9, "sign": True}  # type: ignore[union-attr]
    assert settings_of(found["plain"])["method"] == {"kind": "sgd", "weight_decay": 0.0}


@pytest.mark.usefixtures("site")
def test_the_nearest_of_all_names_is_told() -> None:
    with pytest.raises(ConfigurationError, match="unknown method 'signun': did you mean 'signum'"):
        check({"groups": GROUP, "method": "signun"})
    with pytest.raises(ConfigurationError, match=r"unknown .*'pairwize'.*'pairwise'.*dsgd, .*pair"):
        check({"groups": GROUP, "communication": {"kind": "pairwize"}})
    with pytest.raises(ConfigurationError, match=r"unknown sampler 'pairwise'"):
        one_of(AnySampler, "pairwise", "sampler")


def test_built_in_kinds_are_not_replaced(site: Path) -> None:
    install(site, "bold", "[udsgd_mpi.methods]\nsgd = tiny_parts.methods:Signum\n")
    assert settings_of(check({"groups": GROUP, "method": "sgd"}))["method"]["kind"] == "sgd"


def test_two_packages_of_one_name_are_refused(site: Path) -> None:
    install(site, "other", "[udsgd_mpi.methods]\nsignum = elsewhere:Signum\n")
    with pytest.raises(ConfigurationError, match=r"'signum' of udsgd_mpi.methods: expected one"):
        check({"groups": GROUP, "method": "signum"})


@pytest.mark.usefixtures("site")
def test_a_package_that_is_broken_is_told_like_any_class() -> None:
    experiment = check({"groups": GROUP, "method": "signum"})
    with pytest.raises(
        ConfigurationError, match=r'method\.path: expected "module:Class" that Python'
    ):
        experiment.method.check(3)
