"""Files of all kinds are found by one rule, and named in results as they are seen from there."""

import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path

import networkx as nx
import numpy as np
import pytest

from udsgd_mpi.cli.main import main
from udsgd_mpi.experiment.read import read_experiment, to_toml, variants
from udsgd_mpi.experiment.schema import Experiment
from udsgd_mpi.objectives import Custom
from udsgd_mpi.storage.read import open_result_file
from udsgd_mpi.support.errors import ConfigurationError

POINTS = "0.5 1:-1 2:-0.4\n-1 1:0.4 2:-0.2\n2 1:-0.4 2:1\n0 1:1 2:0.2\n" * 4
OBJECTIVE = """
from beside import half
class Ridge:
    def value(self, theta, x, y):
        return half * ((theta * x).sum(axis=1) - y) ** 2 + (theta**2).sum(axis=1)
    def gradient(self, theta, x, y):
        return ((theta * x).sum(axis=1) - y)[:, None] * x + 2 * theta
"""
WEIGHTS = "0.5 0.5\n0.5 0.5\n"
ALL_KINDS = """
agents = 2
steps = 20
trials = 2
data.source = "points"
topology = "pair"
objective = { kind = "custom", path = "own:Ridge" }
communication = { kind = "dsgd", weights = "W" }
groups.a = { share = 0.5, sampler = "iid" }
groups.b = { share = 0.5, sampler = "srw", graph = { kind = "snowball", path = "big.txt" } }
[variant.main]
[variant.own]
data.path = "own-{agent:02d}"
communication = { kind = "dsgd_vt", topologies = ["pair"] }
"""


def fill(folder: Path) -> Path:
    """An experiment that names files of all kinds beside it, most without a suffix."""
    folder.mkdir(parents=True)
    (folder / "points").write_text(POINTS)
    (folder / "pair").write_text("0 1\n")
    (folder / "W").write_text(WEIGHTS)
    nx.write_edgelist(nx.cycle_graph(20), folder / "big.txt", data=False)
    (folder / "own.py").write_text(OBJECTIVE)
    (folder / "beside.py").write_text("half = 0.5\n")
    for agent in range(2):
        (folder / f"own-{agent:02d}").write_text(POINTS)
    (folder / "x.toml").write_text(ALL_KINDS)
    return folder / "x.toml"


def of(file: Path, flags: dict[str, object] | None = None) -> dict[str, Experiment]:
    return variants(read_experiment(file), flags or {}, file.parent)


def stored(experiment: Experiment) -> dict[str, dict[str, object]]:
    found: dict[str, dict[str, object]] = tomllib.loads(to_toml({"main": experiment}))["variant"]
    return found["main"]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path


def test_all_kinds_lie_beside_the_experiment(here: Path) -> None:
    found = of(fill(here / "exp"))
    main_, own = found["main"], found["own"]
    assert main_.data.source == "../exp/points"
    assert main_.topology.path == "../exp/pair"
    assert main_.communication.weights == "../exp/W"
    assert main_.groups["b"].graph.path == "../exp/big.txt"
    assert main_.objective.path == "../exp/own.py:Ridge"
    assert own.data.path == "../exp/own-{agent:02d}"
    assert own.communication.topologies[0].path == "../exp/pair"


def test_the_working_folder_comes_second(here: Path) -> None:
    file = fill(here / "exp")
    for name in ("points", "own.py", "pair"):
        shutil.move(here / "exp" / name, here / "here" / name)
    (here / "here" / "big.txt").write_text("0 1\n")
    experiment = of(file)["main"]
    assert experiment.data.source == "points"
    assert experiment.objective.path == "own.py:Ridge"
    assert experiment.topology.path == "pair"
    assert experiment.groups["b"].graph.path == "../exp/big.txt"


def test_flags_name_files_in_the_working_folder(here: Path) -> None:
    file = fill(here / "exp")
    (here / "here" / "points").write_text(POINTS)
    assert of(file, {"data": {"source": "points"}})["main"].data.source == "points"


def test_home_and_absolute_names(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = fill(here / "exp")
    monkeypatch.setenv("HOME", str(here / "exp"))
    for name in ("~/points", str(here / "exp" / "points")):
        experiment = of(file, {"data": {"source": name}})["main"]
        assert experiment.data.source == str(here / "exp" / "points")
        assert stored(experiment)["data"]["source"] == experiment.data.source


@pytest.mark.parametrize(
    ("setting", "name", "other"),
    [
        ({"data": {"source": "digits"}}, "digits", {"data": {"source": "./digits"}}),
        ({"topology": "ring"}, "ring", {"topology": "./ring"}),
        (
            {"communication": {"weights": "lazy"}},
            "lazy",
            {"communication": {"weights": "./lazy"}},
        ),
    ],
)
def test_a_known_name_wins_over_a_file_and_says_so(
    setting: dict[str, object],
    name: str,
    other: dict[str, object],
    here: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    raw = {"groups": {"a": {"share": 1, "sampler": "iid"}}}
    named = variants(raw | setting, {})["main"]
    assert not caplog.messages
    (here / "here" / name).write_text(POINTS)
    assert variants(raw | setting, {})["main"] == named
    assert any(f"./{name}" in message for message in caplog.messages)
    meant = variants(raw | other, {})["main"]
    assert meant != named
    assert variants(tomllib.loads(to_toml({"main": meant})), {})["main"] == meant


def test_modules_of_one_name_in_two_folders(here: Path) -> None:
    for folder, factor in (("a", 1), ("b", 2)):
        (here / folder).mkdir()
        code = f"class F:\n    value = gradient = dimension = lambda *_: {factor}\n"
        (here / folder / "mine.py").write_text(code)
        raw = {
            "objective": {"kind": "custom", "path": "mine:F"},
            "groups": {"a": {"share": 1, "sampler": "iid"}},
        }
        objective = variants(raw, {}, here / folder)["main"].objective
        assert isinstance(objective, Custom)
        assert objective.dimension(9, 0) == factor


def test_a_module_of_a_package_is_imported_as_such(here: Path) -> None:
    folder = here / "exp" / "ours_in_a_package"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    (folder / "sizes.py").write_text("d = 3\n")
    code = "from .sizes import d\nclass F:\n    value = gradient = dimension = lambda *_: d\n"
    (folder / "mine.py").write_text(code)
    raw = {
        "objective": {"kind": "custom", "path": "ours_in_a_package.mine:F"},
        "groups": {"a": {"share": 1, "sampler": "iid"}},
    }
    objective = variants(raw, {}, here / "exp")["main"].objective
    assert objective.dimension(9, 0) == 3


@pytest.mark.parametrize("name", ["own-{agent:x}.svm", "own-{agent!r}.svm", "own-{agent:>9}.svm"])
@pytest.mark.parametrize("key", ["data.path", "topology"])
def test_a_number_in_another_form_is_refused(name: str, key: str) -> None:
    raw = {"groups": {"a": {"share": 1, "sampler": "iid"}}}
    setting = {"data": {"path": name}} if key == "data.path" else {"topology": name}
    with pytest.raises(ConfigurationError, match=rf"{key.partition('.')[0]}.*\{{agent:02d\}}"):
        variants(raw | setting, {})


@pytest.fixture
def run(here: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    monkeypatch.setenv("UDSGD_DATA", str(here))
    return lambda *words: main([str(word) for word in words])


def test_results_and_data_move_together(
    here: Path, run: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = fill(here / "exp")
    survive = ("--keep-checkpoints", "--only", "main")
    assert run("run", file, "--output", "../exp/out.h5", *survive, "--quiet") == 0
    with open_result_file(here / "exp/out.h5") as results:
        settings = tomllib.loads(results.attrs["configuration"])["variant"]["main"]
    assert settings["data"]["source"] == "points"
    assert settings["objective"]["path"] == "own.py:Ridge"
    again = ("--resume", "--output", "../exp/out.h5", "--quiet", *survive)
    assert run("run", file.resolve(), *again) == 0
    shutil.move(here / "exp", here / "moved")
    monkeypatch.chdir(here)
    assert run("extend", "moved/out.h5", "--steps", 30) == 0
    with open_result_file(here / "moved/out.h5") as results:
        assert np.array(results["runs/main/step"])[-1] == 30


def test_parts_in_several_folders_are_merged(here: Path, run: Callable[..., int]) -> None:
    file = fill(here / "exp")
    (here / "parts").mkdir()
    outputs = ["a.h5", "../parts/b.h5"]
    for k, output in enumerate(outputs):
        first = ("--set", f"first_trial={2 * k}")
        assert run("run", file, "--only", "main", "--output", output, "--quiet", *first) == 0
    assert run("merge", "../parts/all.h5", *outputs) == 0
    with open_result_file(here / "parts/all.h5") as results:
        settings = tomllib.loads(results.attrs["configuration"])["variant"]["main"]
    assert settings["data"]["source"] == "../exp/points"
    assert settings["trials"] == 4


def test_notes_of_other_ranks_are_printed_once(capsys: pytest.CaptureFixture[str]) -> None:
    from udsgd_mpi.parallel.job import _tell_of_others

    _tell_of_others([["told"], ["told", "b"], ["b", *(str(k) for k in range(9))]])
    said = capsys.readouterr().err.splitlines()
    assert said[:2] == ["udsgd: b", "udsgd: 0"]
    assert said[-1] == "udsgd: and 5 similar notes on the files of other agents"
    _tell_of_others(None)
    assert capsys.readouterr().err == ""


def test_topology_says_which_node_is_which_agent(
    here: Path, run: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "here/g.csv").write_text("Source,Target,Weight\nn10,n9,1\nn9,n1,2\n")
    assert run("topology", "g.csv", "--save", "names.edgelist") == 0
    said = capsys.readouterr()
    assert "agent         0 = n1, 1 = n9, 2 = n10\n" in said.out
    assert said.err == "udsgd: graph file g.csv, read as edge list: dropped column Weight\n"
    assert "# 2: n10\n" in (here / "here/names.edgelist").read_text()
