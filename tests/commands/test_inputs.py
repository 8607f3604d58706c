"""A run is resumed, and parts are joined, only if they read the same inputs."""

import json
import re
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from tests.launch import udsgd
from udsgd_mpi.__main__ import main

AGENTS = 4
EXPERIMENT = f"""
agents = {AGENTS}
steps = 20
trials = 2
title = "First"
topology = "ring.edgelist"
record.predict = false
objective = {{ kind = "custom", path = "inputs_objective:Ridge" }}
data = {{ path = "data-{{agent}}.svm", standardize = true }}
[groups.walking]
agents = "0-1"
sampler = "srw"
graph = "walk-{{agent}}.edgelist"
[groups.shuffling]
agents = "2-3"
sampler = "reshuffling"
batch = 2
[variant.fixed]
communication = {{ kind = "dsgd", weights = "W.txt" }}
[variant.varying]
communication = {{ kind = "dsgd_vt", topologies = ["ring", "path.edgelist"] }}
[variant.recorded]
groups.walking.sampler = {{ kind = "chain", path = "P.npy" }}
groups.shuffling.sampler = {{ kind = "trace", path = "visits-{{agent}}.txt" }}
[variant.own]
groups.walking.sampler = {{ kind = "custom", path = "inputs_sampler:Round" }}
"""
SAMPLER = """
import numpy as np

class Round:
    def __init__(self, points, graph):
        self.points = points

    def draw(self, steps, uniforms):
        return (uniforms * self.points).astype(int)
"""
OBJECTIVE = """
from inputs_helper import residual

class Ridge:
    def value(self, theta, x, y):
        return residual(theta, x, y) ** 2 / 2 + (theta**2).sum(axis=1) / 2

    def gradient(self, theta, x, y):
        return residual(theta, x, y)[:, None] * x + theta
"""
HELPER = """
def residual(theta, x, y):
    return (theta * x).sum(axis=1) - y
"""
RING = "0 1\n1 2\n2 3\n3 0\n"
POINTS = 6


@pytest.fixture(scope="module")
def computed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with results, and the states to go on from."""
    folder = tmp_path_factory.mktemp("computed")
    rng = np.random.default_rng(1)
    for i in range(AGENTS):
        rows = rng.normal(size=(POINTS, 3)).tolist()
        lines = (" ".join(f"{k + 1}:{x!r}" for k, x in enumerate(row)) for row in rows)
        (folder / f"data-{i}.svm").write_text("".join(f"1 {line}\n" for line in lines))
        path = "".join(f"{k} {k + 1}\n" for k in range(POINTS - 1))
        (folder / f"walk-{i}.edgelist").write_text(path)
    (folder / "ring.edgelist").write_text(RING)
    (folder / "path.edgelist").write_text("0 1\n1 2\n2 3\n")
    W = "0.5 0.25 0 0.25\n0.25 0.5 0.25 0\n0 0.25 0.5 0.25\n0.25 0 0.25 0.5\n"
    (folder / "W.txt").write_text(W)
    np.save(folder / "P.npy", np.full((POINTS, POINTS), 1 / POINTS))
    for i in (2, 3):
        (folder / f"visits-{i}.txt").write_text("0\n1\n2\n0\n")
    (folder / "inputs_sampler.py").write_text(SAMPLER)
    (folder / "inputs_objective.py").write_text(OBJECTIVE)
    (folder / "inputs_helper.py").write_text(HELPER)
    (folder / "inputs_unused.py").write_text("")
    (folder / "experiment.toml").write_text(EXPERIMENT)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert main(["experiment.toml", "--quiet", "--keep-checkpoints"]) == 0
    return folder


@pytest.fixture
def folder(computed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, to work in."""
    copy = tmp_path / "copy"
    shutil.copytree(computed, copy)
    monkeypatch.chdir(copy)
    return copy


def contents(folder: Path) -> dict[Path, bytes]:
    """All files but those that Python makes of modules."""
    files = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".pyc")
    return {path: path.read_bytes() for path in files}


def replace_in(name: str, old: str, new: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        text = (folder / name).read_text()
        assert old in text
        (folder / name).write_text(text.replace(old, new, 1))

    return change


RESUME = ["run", "experiment.toml", "--resume", "--quiet", "--steps", "40"]
RESUME += ["--allow-changes", "steps"]
CHANGES: dict[str, tuple[Callable[[Path], None], str]] = {
    "data of one agent": (
        replace_in("data-2.svm", "1 1:", "2 1:"),
        (
            "[variant.fixed] the data of agent 2, data.path = 'data-2.svm'\n"
            "[variant.varying] the data of agent 2, data.path = 'data-2.svm'\n"
        ),
    ),
    "data graph of one agent": (
        replace_in("walk-1.edgelist", "4 5", "3 5"),
        "the data graph of agent 1, groups.walking.graph = 'walk-1.edgelist'",
    ),
    "topology of the same size": (
        replace_in("ring.edgelist", RING, "0 2\n2 1\n1 3\n3 0\n0 1\n1 2\n2 3\n"),
        (
            "[variant.fixed] the topology, topology = 'ring.edgelist'\n"
            "[variant.varying] the topology, topology = 'ring.edgelist'\n"
        ),
    ),
    "matrix W": (
        replace_in("W.txt", "0.5 0.25 0 0.25\n0.25 0.5", "0.25 0.5 0 0.25\n0.5 0.25"),
        "[variant.fixed] the matrix W, communication.weights = 'W.txt'\n",
    ),
    "topology of a schedule": (
        replace_in("path.edgelist", "0 1", "0 1\n0 2"),
        (
            "[variant.varying] the matrix W 1, communication.weights = 'metropolis' on"
            " communication.topologies[1] = 'path.edgelist'\n"
        ),
    ),
}


def another_chain(folder: Path) -> None:
    P = np.load(folder / "P.npy")
    P[0, :2] += 0.1, -0.1
    np.save(folder / "P.npy", P)


CHANGES |= {
    "chain": (another_chain, "the chain of 2 agents (0, 1), groups.walking.sampler.path = 'P.npy'"),
    "trace": (
        replace_in("visits-3.txt", "1\n", "1\n1\n"),
        "the trace of agent 3, groups.shuffling.sampler.path = 'visits-3.txt'",
    ),
    "sampler": (
        replace_in("inputs_sampler.py", "astype(int)", "astype(np.int32)"),
        (
            "[variant.own] the source inputs_sampler.py, groups.walking.sampler.path ="
            " 'inputs_sampler.py:Round'"
        ),
    ),
}
SOURCES = {
    "inputs_objective.py": ("** 2 / 2", "** 2.0 / 2"),
    "inputs_helper.py": ("- y", "- 1.0 * y"),
}
CHANGES |= {
    name: (
        replace_in(name, *change),
        f"the source {name}, objective.path = 'inputs_objective.py:Ridge'",
    )
    for name, change in SOURCES.items()
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize(
    "command", [RESUME, ["extend", "udsgd.h5", "--trials", "+2"]], ids=["resume", "extend"]
)
def test_a_changed_input_is_refused_by_name(
    command: list[str], change: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make, message = CHANGES[change]
    make(folder)
    before = contents(folder)
    assert main(command) == 2
    said = capsys.readouterr().err
    assert "expected the inputs of the earlier run" in said
    assert message in said
    assert "--force" in said
    assert contents(folder) == before


def test_more_steps_take_the_same_inputs(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in CHANGES:
        make, _ = CHANGES[name]
        make(folder)
    before = contents(folder)
    assert main(["extend", "udsgd.h5", "--steps", "40"]) == 2
    said = capsys.readouterr().err
    assert "the data of agent 2, data.path = 'data-2.svm'" in said
    assert contents(folder) == before
    shutil.rmtree("udsgd.h5.checkpoints")  # to be computed from the start, but into the same file
    assert main(["extend", "udsgd.h5", "--steps", "40"]) == 2
    assert main(["experiment.toml", "--quiet", "--force"]) == 0


@pytest.mark.launcher
def test_changed_sources_are_refused_on_every_rank(folder: Path) -> None:
    for name, change in SOURCES.items():
        replace_in(name, *change)(folder)
    before = contents(folder)
    done = udsgd(*RESUME, ranks=2, cwd=folder)
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("udsgd: error:") == 1
    assert all(CHANGES[name][1] in done.stderr for name in SOURCES)
    assert contents(folder) == before


@pytest.mark.parametrize("command", [RESUME, ["extend", "udsgd.h5", "--trials", "+2"]])
def test_what_is_not_read_may_change(command: list[str], folder: Path) -> None:
    (folder / "inputs_unused.py").write_text("1")
    (folder / "data-4.svm").write_text("1 1:1\n")
    for name in ("ring.edgelist", "W.txt"):
        (folder / name).write_text("# the same again\n" + (folder / name).read_text())
    assert main(command) == 0


def test_a_variant_that_had_not_begun_is_held_against_the_others(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with h5py.File("udsgd.h5", "a") as file:
        del file["runs/varying"]
        file.attrs["status"] = "stopped"
    for path in Path("udsgd.h5.checkpoints").glob("varying*"):
        path.unlink()
    replace_in("walk-0.edgelist", "4 5", "3 5")(folder)
    before = contents(folder)
    assert main(["run", "experiment.toml", "--resume"]) == 2
    said = capsys.readouterr().err
    assert "[variant.varying] the data graph of agent 0" in said
    assert "[variant.fixed]" not in said
    assert contents(folder) == before


def as_older(configuration: str) -> str:
    """Settings without one that has come since."""
    kept = re.sub(r"^index_base = .*\n", "", configuration, flags=re.MULTILINE)
    assert kept != configuration
    return kept


def without_digests(folder: Path) -> None:
    """What an older version would have written."""
    with h5py.File("udsgd.h5", "a") as file:
        file.attrs["configuration"] = as_older(file.attrs["configuration"])
        for run in file["runs"].values():
            del run.attrs["inputs"], run["data_digest"], run["graph_digest"]
    for path in folder.glob("udsgd.h5.checkpoints/*.npz"):
        with zipfile.ZipFile(path) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        header = json.loads(members["checkpoint.json"])
        del header["digests"]
        header["format_version"] = 1
        header["configuration"] = as_older(header["configuration"])
        with zipfile.ZipFile(path, "w") as archive:
            for name, content in (members | {"checkpoint.json": json.dumps(header)}).items():
                archive.writestr(name, content)


def test_files_of_older_versions_are_gone_on_with(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    without_digests(folder)
    replace_in("walk-0.edgelist", "4 5", "3 5")(folder)
    assert main(RESUME) == 0
    (line,) = (line for line in capsys.readouterr().err.splitlines() if "inputs not" in line)
    assert "udsgd.h5 [variant.fixed]" in line
    without_digests(folder)
    for command in (
        ["extend", "udsgd.h5", "--trials", "+2"],
        ["merge", "all.h5", "udsgd.h5"],
        ["inspect", "udsgd.h5"],
    ):
        assert main(command) == 0
    assert "inputs not compared" in capsys.readouterr().err
    with h5py.File("udsgd.h5") as file:
        assert file["runs/fixed/squared_error"].shape[1] == 4
        assert "inputs" not in file["runs/fixed"].attrs


def test_links_that_an_older_version_drew_are_not_gone_on_with(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    drawn = ["--set", "communication.kind=drop_out", "--only", "fixed", "--force", "--quiet"]
    assert main(["experiment.toml", *drawn, "--keep-checkpoints"]) == 0
    assert main(["experiment.toml", *drawn, "--set", "first_trial=2", "--output", "2.h5"]) == 0
    without_digests(folder)
    for command in (
        ["extend", "udsgd.h5", "--steps", "30"],
        ["extend", "udsgd.h5", "--trials", "+2"],
        ["merge", "all.h5", "udsgd.h5", "2.h5"],
    ):
        assert main(command) == 2
        assert "links" in capsys.readouterr().err
    assert main(["merge", "all.h5", "udsgd.h5"]) == 0


class TestMerging:
    @pytest.mark.parametrize(
        ("split", "first", "second"),
        [
            ("trials", [], ["--set", "first_trial=2"]),
            ("variants", ["--only", "fixed"], ["--only", "varying"]),
        ],
    )
    def test_parts_of_other_data_are_refused(
        self,
        split: str,
        first: list[str],
        second: list[str],
        folder: Path,
        capsys: pytest.CaptureFixture[str],
    ) -> None:
        assert main(["experiment.toml", "--quiet", *first, "--output", "1.h5"]) == 0
        assert main(["experiment.toml", "--quiet", *second, "--output", "2.h5"]) == 0
        assert main(["merge", "same.h5", "1.h5", "2.h5"]) == 0
        replace_in("data-3.svm", "1 1:", "2 1:")(folder)
        assert main(["experiment.toml", "--quiet", *second, "--output", "2.h5", "--force"]) == 0
        capsys.readouterr()
        assert main(["merge", "all.h5", "2.h5", "1.h5"]) == 2
        said = capsys.readouterr().err
        assert "1.h5 [variant.fixed]: expected what 2.h5 [variant." in said
        assert "the data of agent 3, data.path = 'data-3.svm'" in said
        assert not Path("all.h5").exists()

    def test_titles_may_differ(self, folder: Path) -> None:
        settings = ["--set", "first_trial=2", "--set", "title=Second"]
        assert main(["experiment.toml", "--quiet", *settings, "--output", "2.h5"]) == 0
        assert main(["merge", "all.h5", "2.h5", "udsgd.h5"]) == 0
        with h5py.File("all.h5") as file:
            assert file["runs/fixed"].attrs["title"] == "First"


@pytest.mark.parametrize("more", [[], ["--steps", "40", "--allow-changes", "steps"]])
def test_a_new_title_is_taken(more: list[str], folder: Path) -> None:
    replace_in("experiment.toml", "First", "Second")(folder)
    assert main(["run", "experiment.toml", "--resume", "--quiet", *more]) == 0
    with h5py.File("udsgd.h5") as file:
        assert [run.attrs["title"] for run in file["runs"].values()] == ["Second"] * 4
        assert file.attrs["configuration"].count('"Second"') == 4
        assert file.attrs["status"] == "complete"
        assert "telemetry/fixed" in file
