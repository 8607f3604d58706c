"""The command line does what its help and the README say."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import h5py
import pytest

from tests.launch import udsgd
from udsgd_mpi.cli.main import main
from udsgd_mpi.parallel.machine import Host, oversubscription
from udsgd_mpi.support.launcher import cores, ease_oversubscription, leave_networks_out

pytestmark = pytest.mark.launcher
ROOT = Path(__file__).parents[2]
UNPREDICTED = ("--set", "record.predict=false")


class Said(NamedTuple):
    code: int
    stdout: str
    stderr: str


@pytest.fixture
def here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Said]:
    """The command line in this process, which is much quicker than in one of its own."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: object) -> Said:
        try:
            code = int(main([str(argument) for argument in arguments]))
        except SystemExit as request:
            code = int(request.code or 0)
        return Said(code, *capsys.readouterr())

    return call


@pytest.mark.parametrize("flag", ["--help", "--version"])
def test_help_and_version(flag: str, tmp_path: Path) -> None:
    done = udsgd(flag, cwd=tmp_path)
    assert done.returncode == 0
    assert "udsgd" in done.stdout


def test_help_names_every_exit_code(here: Callable[..., Said]) -> None:
    text = here("--help").stdout
    assert all(code in text for code in ("0 done", "2 usage", "70 internal", "74 output"))


@pytest.mark.parametrize("ranks", [None, 2])
def test_run_without_arguments_gives_each_rank_an_agent(ranks: int | None, tmp_path: Path) -> None:
    done = udsgd("--steps", 30, *UNPREDICTED, ranks=ranks, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"udsgd.h5", "udsgd.png"}
    for variant in ("all-srw", "all-nbrw", "some-srrw"):
        assert re.search(rf"^{variant} +30 +64 ", done.stdout, re.MULTILINE)
    with h5py.File(tmp_path / "udsgd.h5") as file:
        assert file["runs/all-srw/agent"].shape == (ranks or 1,)


def test_flags_and_set_reach_the_run(tmp_path: Path, here: Callable[..., Said]) -> None:
    done = here(
        *("--agents", 6, "--steps", 20, "--trials", 3, "--seed", 9, "--data", "breast_cancer"),
        *("--topology", "star", "--output", "x.h5", "--set", "record.steps=[7]"),
        *("--set", "groups.upgraded.sampler.kind=iid", "--set", 'title="A title"'),
    )
    assert done.code == 0, done.stderr
    with h5py.File(tmp_path / "x.h5") as file:
        run = file["runs/some-srrw"]
        assert run["step"][:].tolist() == [7, 20]
        assert run["theta_mean"].shape == (2, 3, 30)
        assert run["sampler"].asstr()[:].tolist()[-1] == "iid"
        assert run.attrs["title"] == "A title"
        assert file.attrs["seed"] == 9
        assert 'kind = "star"' in file.attrs["configuration"]


def test_dry_run_plans_and_writes_nothing(tmp_path: Path, here: Callable[..., Said]) -> None:
    done = here("--dry-run", "--agents", 20, "--ranks", 4)
    assert done.code == 0, done.stderr
    assert "20 on 4 ranks, 5 each" in done.stdout
    # A ring of 20 on 4 ranks: each rank sends one half-step to each of two neighbours.
    assert "8 messages" in done.stdout
    assert (
        len(re.findall(r"time +about [\d.]+ [mµ]?s a step, [\d.]+ [mµ]?s in all", done.stdout)) == 3
    )
    assert re.search(r"= 0\.0\d+", done.stdout)
    assert not list(tmp_path.iterdir())


def test_dry_run_halves_the_traffic_in_single_precision(here: Callable[..., Said]) -> None:
    said = []
    for precision in ("double", "single"):
        setting = f"communication.precision={precision}"
        small = ("--agents", 20, "--trials", 8, "--only", "all-srw")
        done = here("--dry-run", *small, "--ranks", 4, "--set", setting)
        assert done.code == 0, done.stderr
        said += re.findall(r"messages and ([\d.]+) (\w+) at", done.stdout)[:1]
    (whole, unit), (half, same) = said
    assert unit == same
    assert float(whole) == pytest.approx(2 * float(half), rel=0.02)


def test_dry_run_takes_the_ranks_of_the_launcher(tmp_path: Path) -> None:
    done = udsgd("--dry-run", "--agents", 20, "--only", "all-srw", ranks=2, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("20 on 2 ranks, 10 each") == 1


def test_a_pattern_that_does_not_contract_is_warned_of(here: Callable[..., Said]) -> None:
    pattern = ("--set", "communication.weights=metropolis", "--steps", 5, "--agents", 4)
    done = here(*pattern, *UNPREDICTED, "--quiet")
    assert done.code == 0
    assert "‖E[WᵀW] − J‖ = 1" in done.stderr


def test_a_step_size_below_the_critical_one_is_warned_of(here: Callable[..., Said]) -> None:
    done = here("--set", "step_size.gamma=0.1", "--steps", 5, *UNPREDICTED, "--quiet")
    assert done.code == 0
    # μ ≥ l2 = 1, and digits' first pixels are constant, so μ = 1 exactly.
    assert "gamma = 0.1 is not above 1/(2μ) = 0.5" in done.stderr


def test_a_thin_margin_is_warned_of(here: Callable[..., Said]) -> None:
    done = here("--set", "step_size.gamma=0.53", "--steps", 5, *UNPREDICTED, "--quiet")
    assert done.code == 0
    assert "barely above 1/(2μ) = 0.5" in done.stderr
    assert "2μγ − 1 = 0.06" in done.stderr


def test_inspect_and_report(tmp_path: Path, here: Callable[..., Said]) -> None:
    assert here("--steps", 30, "--trials", 4).code == 0
    text = here("inspect", "udsgd.h5").stdout
    assert "theta_mean       (step" in text
    assert "[variant.some-srrw.step_size]" in text
    for suffix, magic in {"pdf": b"%PDF", "svg": b"<?xml", "png": b"\x89PNG"}.items():
        done = here("report", "udsgd.h5", "--figure", f"figure.{suffix}")
        assert done.code == 0, done.stderr
        assert (tmp_path / f"figure.{suffix}").read_bytes().startswith(magic)
        assert "some-srrw" in done.stdout


@pytest.mark.parametrize(
    ("ranks", "expected"),
    [
        (2, set()),
        (3, {"OMPI_MCA_mpi_yield_when_idle"}),
        (17, {"OMPI_MCA_mpi_yield_when_idle", "MPIR_CVAR_ENABLE_HEAVY_YIELD"}),
    ],
)
@pytest.mark.parametrize(
    "launcher", ["OMPI_COMM_WORLD_LOCAL_SIZE", "MPI_LOCALNRANKS", "SLURM_STEP_TASKS_PER_NODE"]
)
def test_ranks_yield_where_they_outnumber_two_cores(
    ranks: int, expected: set[str], launcher: str
) -> None:
    environment = {launcher: f"{ranks}(x3),1" if "SLURM" in launcher else str(ranks)}
    ease_oversubscription(environment, available=2)
    assert set(environment) - {launcher} == expected


@pytest.mark.parametrize(
    ("environment", "left_out"),
    [
        ({}, True),
        ({"OMPI_COMM_WORLD_SIZE": "4", "OMPI_COMM_WORLD_LOCAL_SIZE": "4"}, True),
        ({"OMPI_COMM_WORLD_SIZE": "4", "OMPI_COMM_WORLD_LOCAL_SIZE": "2"}, False),
        ({"SLURM_STEP_NUM_TASKS": "4", "SLURM_STEP_TASKS_PER_NODE": "4"}, True),
        ({"SLURM_STEP_NUM_TASKS": "8", "SLURM_STEP_TASKS_PER_NODE": "4(x2)"}, False),
    ],
)
def test_networks_are_left_out_on_one_host(environment: dict[str, str], left_out: bool) -> None:
    found = environment.copy()
    leave_networks_out(found)
    assert ("OMPI_MCA_btl" in found) == left_out
    asked = environment | {"OMPI_MCA_btl": "tcp"}
    leave_networks_out(asked)
    assert asked["OMPI_MCA_btl"] == "tcp"


def test_what_the_user_has_set_stays() -> None:
    environment = {"MPI_LOCALNRANKS": "64", "OMPI_MCA_mpi_yield_when_idle": "0"}
    ease_oversubscription(environment, available=2)
    assert environment["OMPI_MCA_mpi_yield_when_idle"] == "0"


CROWDED = [Host("a", 4, 2), Host("b", 1, 2)]


@pytest.mark.parametrize(
    ("hosts", "library", "yields", "expected"),
    [
        ([Host("a", 2, 2)], "MPICH", "0", None),
        (CROWDED, "MPICH", "0", r"4 ranks on 2 cores of a: .* mpirun -n 3 … --agents N"),
        (CROWDED, "Open MPI", "1", r"4 ranks on 2 cores of a: .* mpirun -n 3 … --agents N"),
        (CROWDED, "Open MPI", "0", r".*export OMPI_MCA_mpi_yield_when_idle=1, .*"),
    ],
)
def test_what_to_do_where_ranks_outnumber_cores(
    hosts: list[Host], library: str, yields: str, expected: str | None
) -> None:
    said = oversubscription(hosts, library, {"OMPI_MCA_mpi_yield_when_idle": yields})
    assert re.fullmatch(expected, said or "") if expected else said is None


def test_a_crowd_is_warned_of_once(tmp_path: Path) -> None:
    ranks = cores() + 1
    done = udsgd(
        "--steps", 5, *UNPREDICTED, "--only", "all-srw", "--quiet", ranks=ranks, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count(f"{ranks} ranks on {cores()} cores") == 1


def test_report_equals_the_file(tmp_path: Path, here: Callable[..., Said]) -> None:
    assert here("--steps", 30, "--trials", 4).code == 0
    line = next(
        line
        for line in here("report", "udsgd.h5").stdout.splitlines()
        if line.startswith("all-nbrw")
    )
    with h5py.File(tmp_path / "udsgd.h5") as file:
        errors = file["runs/all-nbrw/squared_error"][-1]
    _, n, trials, mse, standard_error, scaled, *_ = line.split()
    assert (n, trials) == ("30", "4")
    assert mse == f"{errors.mean():.3e}"
    assert standard_error == f"{errors.std(ddof=1) / 2:.0e}"
    assert scaled == f"{30 * errors.mean():.4g}"


def test_every_flag_in_the_readme_and_the_documentation_exists(here: Callable[..., Said]) -> None:
    pages = ROOT / "README.md", *(ROOT / "docs").glob("*.md")
    flags = {
        flag for page in pages for flag in re.findall(r"udsgd[^\n]*?(--[a-z-]+)", page.read_text())
    }
    commands = (
        *("run", "report", "reproduce", "inspect", "predict", "plan", "topology", "diagnose"),
        *("submit", "extend", "tune", "infer"),
    )
    known = "".join(here(c, "--help").stdout for c in commands)
    assert flags
    assert all(flag in known for flag in flags)


def test_the_objective_of_the_documentation_runs(tmp_path: Path) -> None:
    code = re.search(
        r"```python\n# own.py\n(class Ridge.*?)```",
        (ROOT / "docs/own-parts.md").read_text(),
        re.DOTALL,
    )
    assert code
    (tmp_path / "mine.py").write_text("import numpy as np\n" + code[1])
    objective = 'objective={ kind = "custom", path = "mine:Ridge", arguments = { l2 = 0.1 } }'
    small = ("--agents", 2, "--steps", 40, "--trials", 2, "--data", "breast_cancer", "--quiet")
    small = (*small, "--only", "all-srw", *UNPREDICTED)
    assert udsgd(*small, "--set", objective, ranks=2, cwd=tmp_path).returncode == 0
    ours = ("--set", "objective.kind=ridge", "--set", "objective.l2=0.1", "--output", "ours.h5")
    assert udsgd(*small, *ours, cwd=tmp_path).returncode == 0
    with h5py.File(tmp_path / "udsgd.h5") as own, h5py.File(tmp_path / "ours.h5") as built_in:
        for name in ("minimizer", "theta_mean"):
            expected = built_in["runs/all-srw"][name][:]
            assert own["runs/all-srw"][name][:] == pytest.approx(expected, rel=1e-9)
