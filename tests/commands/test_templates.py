"""Every experiment that ``udsgd new`` writes runs as it is, and nothing is overwritten."""

import tomllib
from pathlib import Path

import h5py
import pytest

from udsgd_mpi.cli.main import main
from udsgd_mpi.experiment.read import read_experiment, variants
from udsgd_mpi.experiment.templates import Template, names

SITUATIONS = ("compare-samplers", "network", "own-data", "stragglers", "upgrade-a-few")
SMALL = ("--steps", "50", "--trials", "2", "--quiet", "--set", "record.predict=false")


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_all_situations_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert tuple(names()) == SITUATIONS
    assert main(["new"]) == 0
    listed = capsys.readouterr().out
    assert all(f"{name} " in listed for name in SITUATIONS)
    assert not list(Path().iterdir())


@pytest.mark.parametrize("name", SITUATIONS)
def test_settings_are_right_and_explained(name: str) -> None:
    text = Template(name).text
    found = variants(read_experiment(_written(name)), {})
    assert len(found) > 1
    assert all(experiment.title for experiment in found.values())
    assert text.startswith("# ")
    assert text.count("#") >= 8
    assert max(map(len, text.splitlines())) <= 100


@pytest.mark.parametrize("name", SITUATIONS)
def test_it_runs_as_written(name: str) -> None:
    if name == "network":
        pytest.importorskip("torch")
    path = _written(name)
    assert main(["run", str(path), *SMALL]) == 0
    with h5py.File("udsgd.h5") as file:
        assert list(file["runs"]) == list(tomllib.loads(path.read_text())["variant"])
        assert all(run.attrs["complete"] for run in file["runs"].values())


def test_data_lie_beside_the_experiment() -> None:
    Path("folder").mkdir()
    assert main(["new", "own-data", "--output", "folder/mine.toml"]) == 0
    assert {path.name for path in Path("folder").iterdir()} == {"mine.toml", "own-data.csv"}


@pytest.mark.parametrize("there", ["own-data.toml", "own-data.csv"])
def test_what_is_there_is_kept(there: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path(there).write_text("mine")
    assert main(["new", "own-data"]) == 2
    assert f"{there} already exists; use --force" in capsys.readouterr().err
    assert {path.name: path.read_text() for path in Path().iterdir()} == {there: "mine"}
    assert main(["new", "own-data", "--force"]) == 0
    assert Path(there).read_text() != "mine"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("own-date",), "unknown situation 'own-date': did you mean 'own-data'? Known: compare-"),
        (("--output", "x.toml"), "expected a situation to write x.toml for, one of compare-"),
        (("network", "--output", "no/x.toml"), "expected an existing folder, got none at"),
    ],
)
def test_refusals(words: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new", *words]) == 2
    assert message in capsys.readouterr().err
    assert not list(Path().iterdir())


def _written(name: str) -> Path:
    assert main(["new", name]) == 0
    return Path(f"{name}.toml")
