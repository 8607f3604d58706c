"""Files of every version open, and go on with the bits of a run that is computed today."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.formats.description import describe, make
from udsgd_mpi import open_results
from udsgd_mpi.cli.main import main
from udsgd_mpi.storage.checkpoint import FORMAT_VERSION, read_checkpoint
from udsgd_mpi.storage.measured import read_measures

FOLDER = Path(__file__).parents[1] / "formats"
# What was new in each, oldest first; in the first there is no checkpoint.
VERSIONS = ("checkpoints", "telemetry", "seals", "shares")
CHECKPOINT = Path("results.h5.checkpoints/srrw.npz")


def description(version: str) -> Any:
    return json.loads((FOLDER / f"{version}.json").read_text())


@pytest.fixture(autouse=True)
def _beside_the_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copy(FOLDER / "tiny.svm", tmp_path)


@pytest.fixture(scope="module")
def today(tmp_path_factory: pytest.TempPathFactory) -> "np.ndarray[Any, Any]":
    """Errors at steps 1, 10, 30 and 40 of a run of now."""
    folder = tmp_path_factory.mktemp("today")
    for name in ("tiny.svm", "small.toml"):
        shutil.copy(FOLDER / name, folder)
    flags = ("--steps", "40", "--set", "record.steps=[1, 10, 30]", "--quiet")
    words = (str(folder / "small.toml"), "--output", str(folder / "results.h5"), *flags)
    assert main(["run", *words]) == 0
    return open_results(folder / "results.h5").squared_error.sel(variant="srrw").to_numpy()


def test_no_description_is_left_out() -> None:
    assert {path.stem for path in FOLDER.glob("*.json")} == {"first", *VERSIONS}


@pytest.mark.parametrize("version", VERSIONS)
def test_descriptions_are_whole(version: str) -> None:
    """What is made from a description has that description."""
    make(description(version), Path("results.h5"))
    assert describe(Path("results.h5")) == description(version)


@pytest.mark.parametrize("version", VERSIONS)
def test_results_open(version: str, today: Any) -> None:
    make(description(version), Path("results.h5"))
    found = open_results("results.h5").squared_error.sel(variant="srrw")
    assert found.step.to_numpy().tolist() == [1, 10, 30]
    np.testing.assert_array_equal(found, today[:3])
    measured = read_measures(Path("results.h5"))["srrw"]
    np.testing.assert_array_equal(measured.measure("squared_error"), today[:3])
    assert measured.composition == "1 iid + 1 srrw"
    assert measured.limit is not None
    assert main(["inspect", "results.h5"]) == 0


def test_the_oldest_are_reported(capsys: pytest.CaptureFixture[str]) -> None:
    make(description(VERSIONS[0]), Path("results.h5"))
    assert main(["report", "results.h5", "--csv", "x.csv"]) == 0
    assert re.search(r"^srrw +30 +2 ", capsys.readouterr().out, re.MULTILINE)


@pytest.mark.parametrize("version", VERSIONS)
def test_checkpoints_open_and_go_on(version: str, today: Any) -> None:
    make(description(version), Path("results.h5"))
    found = read_checkpoint(CHECKPOINT)
    assert found
    assert found.n == 30
    assert found.state(1)["theta"].shape == (2, 3)
    assert main(["extend", "results.h5", "--steps", "40"]) == 0
    extended = open_results("results.h5").squared_error.sel(variant="srrw")
    np.testing.assert_array_equal(extended, today)


def test_the_first_layout_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    make(description("first"), Path("results.h5"))
    assert main(["inspect", "results.h5"]) == 0
    for words in (["report"], ["extend", "--steps", "40"]):
        assert main([words[0], "results.h5", *words[1:]]) == 2
        said = capsys.readouterr().err
        assert "expected a file of 23 November 2026 or later, got one of 2026-11-26" in said


def test_a_later_format_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    later = description("seals")
    later["attributes"]["format_version"] = 2
    later["checkpoints"]["srrw"]["header"]["format_version"] = FORMAT_VERSION + 1
    make(later, Path("results.h5"))
    assert main(["report", "results.h5"]) == 2
    assert "expected format version 1 or older, got 2; install a newer" in capsys.readouterr().err
    with pytest.raises(ValueError, match=f"udsgd_mpi checkpoint version {FORMAT_VERSION + 1}"):
        read_checkpoint(CHECKPOINT)
