"""Bad input gets one clear message from rank 0 and exit code 2, and leaves nothing behind."""

import bz2
import gzip
from collections.abc import Callable
from pathlib import Path

import h5py
import pytest

from tests.launch import udsgd
from udsgd_mpi.cli.main import main
from udsgd_mpi.storage.write import write_results

pytestmark = pytest.mark.launcher

WALK = 'groups.all.share = 1\ngroups.all.sampler = "srw"\n'
IID = 'groups.all.share = 1\ngroups.all.sampler = "iid"\n'


def libsvm(path: Path, labels: tuple[int, ...] = (-1, 1), value: str = "0.5") -> bytes:
    text = "".join(f"{labels[k % len(labels)]} 1:{value} 2:{k}\n" for k in range(40)).encode()
    path.write_bytes(text)
    return text


def toml(text: str) -> Callable[[Path], list[str]]:
    def make(folder: Path) -> list[str]:
        (folder / "x.toml").write_text(text)
        return ["run", "x.toml"]

    return make


def flags(*arguments: str) -> Callable[[Path], list[str]]:
    return lambda _: list(arguments)


def data(write: Callable[[Path], object], name: str = "x.svm") -> Callable[[Path], list[str]]:
    def make(folder: Path) -> list[str]:
        write(folder / name)
        return ["--data", name]

    return make


def graph_file(edges: str, setting: str) -> Callable[[Path], list[str]]:
    def make(folder: Path) -> list[str]:
        (folder / "g.edgelist").write_text(edges)
        return ["--agents", "4", "--set", f"{setting}=g.edgelist"]

    return make


def weights(text: str, topology: str = "complete") -> Callable[[Path], list[str]]:
    def make(folder: Path) -> list[str]:
        (folder / "w.txt").write_text(text)
        pattern = 'communication={kind="dsgd", weights="w.txt"}'
        return ["--agents", "3", "--topology", topology, "--set", pattern]

    return make


def truncated(compress: Callable[[bytes], bytes]) -> Callable[[Path], object]:
    return lambda path: path.write_bytes(compress(libsvm(path) * 500)[:200])


def existing(folder: Path) -> list[str]:
    (folder / "udsgd.h5").write_bytes(b"mine")
    return []


def foreign(folder: Path) -> list[str]:
    h5py.File(folder / "other.h5", "w").close()
    return ["report", "other.h5"]


# Name, how to provoke it, and what the message must say.
CASES: dict[str, tuple[Callable[[Path], list[str]], list[str]]] = {
    "unknown key": (toml(IID + "stpes = 3"), ["'stpes'", "did you mean 'steps'"]),
    "unknown nested key": (
        toml('groups.a = { share = 1, sampler = { kind = "srrw", alpah = 1 } }'),
        ["groups.a.sampler.alpah", "did you mean 'alpha'"],
    ),
    "wrong type": (toml(IID + 'trials = "many"'), ["trials", "expected int", "'many'"]),
    "negative steps": (flags("--steps", "-5"), ["steps", ">= 1", "-5"]),
    "unknown sampler": (
        flags("--set", "groups.walkers.sampler=srww"),
        ["groups.walkers.sampler", "'srww'", "did you mean 'srw'"],
    ),
    "unknown pattern": (
        flags("--set", "communication.kind=dsdg"),
        ["'dsdg'", "did you mean 'dsgd'"],
    ),
    "unknown precision": (
        flags("--set", "communication.precision=half"),
        ["communication.precision", "one of 'double', 'single'", "got 'half'"],
    ),
    "unknown interval": (
        flags("--set", "communication.interval=lgo"),
        ["communication.interval", "one of 'log', 'loglog', or", "got 'lgo'"],
    ),
    "unknown data set": (flags("--data", "digist"), ["'digist'", "did you mean 'digits'"]),
    "unknown flag": (flags("--trails", "5"), ["'--trails'", "did you mean '--trials'"]),
    "flag without value": (flags("--steps"), ["--steps", "expected one argument"]),
    "exponent": (flags("--set", "step_size.exponent=0.3"), ["(0.5, 1]", "0.3"]),
    "not TOML": (toml("steps = = 3"), ["x.toml", "expected TOML"]),
    "no such experiment": (flags("run", "none.toml"), ["none.toml", "No such file"]),
    "no such data": (flags("--data", "none.svm"), ["none.svm", "No such file"]),
    "truncated bz2": (data(truncated(bz2.compress), "x.bz2"), ["x.bz2", "complete"]),
    "truncated gz": (data(truncated(gzip.compress), "x.gz"), ["x.gz", "complete"]),
    "garbage": (data(lambda p: p.write_text("hello world\n" * 9)), ["x.svm", "LIBSVM"]),
    "empty": (data(lambda p: p.write_text("")), ["x.svm", "LIBSVM"]),
    "three classes": (data(lambda p: libsvm(p, (0, 1, 2))), ["two classes", "got more than two"]),
    "NaN": (data(lambda p: libsvm(p, value="nan")), ["agent 0: data x.svm", "finite", "row 1)"]),
    "infinity at one agent": (
        data(lambda p: p.write_text("1 1:1\n-1 1:2\n" * 9 + "1 1:inf\n")),
        ["agent 0: data x.svm", "NaN or infinity in 1 row", "row 19"],
    ),
    "batch larger than the data": (
        flags("--agents", "4", "--set", "groups.walkers.batch=450"),
        ["groups.walkers.batch", "the 449 points of agent 2", "got 450"],
    ),
    "one batch to walk on": (
        flags("--agents", "4", "--set", "groups.walkers.batch=300"),
        ["data graph of agent 2", "at least two batches", "got 1"],
    ),
    "an agent without data": (
        flags("--set", "partition={ kind='dirichlet', alpha=1e-4 }", "--agents", "9"),
        ["partition", "at least 2 points for every agent", "agent "],
    ),
    "path without {agent}": (flags("--set", "data.path=x.svm"), ["{agent} in path", "x.svm"]),
    "no file of an agent": (
        flags("--set", "data.path=own-{agent}.svm", "--agents", "2"),
        ["agent 0: data file own-0.svm", "No such file"],
    ),
    "unknown weights": (
        flags("--set", "communication.weights=metropolsi"),
        ["'metropolsi'", "did you mean 'metropolis'"],
    ),
    "weights that are not doubly stochastic": (
        weights("0.5 0.5 0\n0.5 0 0.5\n0 0.4 0.5\n"),
        ["communication.weights w.txt", "doubly stochastic", "0.9 as the sum of row 2 (agent 2)"],
    ),
    "weights that are row-stochastic alone": (
        weights("0.5,0.25,0.25\n0.5,0.25,0.25\n0.25,0.5,0.25\n"),
        ["doubly stochastic", "1.25 as the sum of column 0 (agent 0)"],
    ),
    "weights that leave agents in parts": (
        weights("1 0 0\n0 0.5 0.5\n0 0.5 0.5\n"),
        ["connect all agents", "2 parts", "from agent 0 to agent 1"],
    ),
    "negative weights": (
        weights("1 0 0\n0 1.5 -0.5\n0 -0.5 1.5\n"),
        ["weights ≥ 0", "-0.5 in row 1, column 2"],
    ),
    "weights of another size": (weights("1 0\n0 1\n"), ["3 × 3", "(2, 2)"]),
    "weights that are not numbers": (weights("a b\n"), ["w.txt", "rows of numbers"]),
    "weights between strangers": (
        weights("0.5 0.5 0\n0.5 0.25 0.25\n0 0.25 0.75\n", topology="star"),
        ["row 1, column 2, as agent 2 does not tell agent 1", "0.25", "complete"],
    ),
    "a cluster list that misses an agent": (
        flags("--agents", "4", "--set", 'communication={kind="hlsgd", clusters=["0-1", "3"]}'),
        ["communication.clusters", "none for agent 2"],
    ),
    "topology of another size": (
        graph_file("0 1\n1 2\n", "topology"),
        ["topology has 3 agents", "experiment has 4", "--agents 3"],
    ),
    "disconnected topology": (graph_file("0 1\n2 3\n", "topology"), ["topology", "connected"]),
    "disconnected data graph": (
        graph_file("0 1\n2 3\n", "groups.walkers.graph"),
        ["data graph of agent 2", "connected"],
    ),
    "data graph of another size": (
        graph_file("0 1\n1 2\n", "groups.walkers.graph"),
        ["data graph of agent 2", "449 points", "3 nodes"],
    ),
    "no graph file": (flags("--topology", "none.gml"), ["none.gml", "No such file"]),
    "walk without a graph": (toml(WALK), ["groups.all", "expected a graph"]),
    "shares": (toml('groups.a = { share = 0.5, sampler = "iid" }'), ["add up to 1", "0.5"]),
    "a missing agent": (
        toml('agents = 3\ngroups.a = { agents = "0-1", sampler = "iid" }'),
        ["none for agent 2"],
    ),
    "an agent named twice": (
        toml('agents = 2\ngroups.a = { agents = "0-1, 1", sampler = "iid" }'),
        ["agent 1", "already"],
    ),
    "more agents than rows": (flags("--agents", "5000"), ["1797 rows", "5000 agents"]),
    "nobody's minimiser": (
        toml(IID + 'objective.l2 = 0\ndata.source = "digits"'),
        ["finite minimiser", "l2"],
    ),
    "an output for each variant": (
        toml(IID + 'variant.a = {}\nvariant.b.output = "b.h5"'),
        ["one file for all variants", "b.h5"],
    ),
    "one point to walk on": (flags("--agents", "1700"), ["at least two points", "got 1"]),
    "output exists": (existing, ["udsgd.h5 already exists", "--force"]),
    "no folder": (flags("--output", "none/x.h5"), ["existing folder", "none"]),
    "computing times without a clock": (
        flags("--set", "groups.walkers.compute=constant"),
        ["[timing] beside groups.walkers.compute"],
    ),
    "a straggler that does not exist": (
        flags("--agents", "4", "--set", 'timing.stragglers="3-4"'),
        ["timing.stragglers", "agents 0-3, got 4"],
    ),
    "a negative latency": (flags("--set", "timing.latency=-1"), ["timing.latency", ">= 0", "-1"]),
    "a Pareto law without a mean": (
        flags("--set", 'timing.compute={kind="pareto", shape=1}'),
        ["timing.compute.shape", "> 1"],
    ),
    "emulation without a clock": (flags("--emulate"), ["--emulate", "[timing]"]),
    "emulation of two agents on a rank": (
        flags("--agents", "2", "--set", "timing={}", "--emulate"),
        ["an agent for each rank", "2 agents on 1 ranks", "mpirun -n 2"],
    ),
    "ranks without dry run": (flags("--ranks", "3"), ["--dry-run", "mpirun -n 3"]),
    "--set without a value": (flags("--set", "steps"), ["SECTION.KEY=VALUE", "'steps'"]),
    "no results": (flags("inspect", "none.h5"), ["none.h5", "no such file"]),
    "results of another program": (foreign, ["other.h5", "udsgd wrote"]),
    "no figure format": (flags("report", "none.h5", "--figure", "x.png"), ["none.h5"]),
}
# Starting ranks takes seconds, so those alone run under mpirun whose error rank 0 must share.
UNDER_MPIRUN = (
    "unknown key",
    "truncated bz2",
    "disconnected data graph",
    "output exists",
)


def check_message(case: str, stderr: str) -> None:
    said = [line for line in stderr.splitlines() if line.startswith("udsgd: error:")]
    assert len(said) == 1, stderr
    assert all(fragment in said[0] for fragment in CASES[case][1]), said[0]
    assert "Traceback" not in stderr


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.iterdir()}


@pytest.mark.parametrize("case", CASES)
def test_refused(
    case: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments = CASES[case][0](tmp_path)
    before = contents(tmp_path)
    assert main(arguments) == 2
    check_message(case, capsys.readouterr().err)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("case", UNDER_MPIRUN)
def test_refused_on_every_rank(case: str, tmp_path: Path) -> None:
    arguments = CASES[case][0](tmp_path)
    before = contents(tmp_path)
    done = udsgd(*arguments, ranks=2, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    check_message(case, done.stderr)
    assert contents(tmp_path) == before


def test_more_ranks_than_agents(tmp_path: Path) -> None:
    done = udsgd("--agents", 2, ranks=3, cwd=tmp_path)
    assert done.returncode == 2
    assert "expected at least one for each of 3 ranks, got 2" in done.stderr
    assert "mpirun -n 2" in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "variables",
    [
        {"OMPI_COMM_WORLD_SIZE": "4", "OMPI_COMM_WORLD_RANK": "0"},
        {"SLURM_STEP_NUM_TASKS": "4", "SLURM_PROCID": "0"},
        {"SLURM_NTASKS": "4"},
    ],
    ids=lambda variables: next(iter(variables)),
)
def test_worlds_of_one(variables: dict[str, str], tmp_path: Path) -> None:
    # mpi4py warns of the foreign variable itself.
    done = udsgd("--steps", 5, cwd=tmp_path, PYTHONWARNINGS="default", **variables)
    assert done.returncode == 2, done.stderr
    assert "expected one world of 4 ranks, got worlds of one" in done.stderr
    assert not list(tmp_path.iterdir())


def test_force_replaces_the_output(tmp_path: Path) -> None:
    (tmp_path / "udsgd.h5").write_bytes(b"old")
    done = udsgd("--steps", 5, "--force", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    with h5py.File(tmp_path / "udsgd.h5") as file:
        assert file.attrs["status"] == "complete"


@pytest.mark.parametrize("command", ["inspect", "report"])
def test_a_damaged_result_file(
    command: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["--steps", "5", "--trials", "2"]) == 0
    whole = (tmp_path / "udsgd.h5").read_bytes()
    capsys.readouterr()
    for damage in (whole[: len(whole) // 2], whole[:40], bytes(range(256)) * 8, b""):
        (tmp_path / "udsgd.h5").write_bytes(damage)
        assert main([command, "udsgd.h5"]) == 2
        message = capsys.readouterr().err
        assert message.startswith("udsgd: error: results udsgd.h5: cannot be read")


def test_results_without_a_finished_variant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    write_results(tmp_path / "x.h5", {"configuration": "", "status": "running"}, {})
    assert main(["report", "x.h5"]) == 2
    assert "no variant has ended yet" in capsys.readouterr().err
    assert main(["inspect", "x.h5"]) == 0
