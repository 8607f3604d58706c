"""A run that was stopped or killed resumes, and ends with the bits of an uninterrupted one."""

import random
import signal
import subprocess
import time
from pathlib import Path

import h5py
import pytest

from tests.faults.jobs import Job
from tests.launch import udsgd
from udsgd_mpi.cli.main import main
from udsgd_mpi.testing.bits import bits_of

pytestmark = pytest.mark.launcher

# Histories of walks, permutations, mini-batches and the running average: all states there are.
EXPERIMENT = """
data = { source = "breast_cancer", standardize = true }
record = { polyak = true }
communication = { kind = "dsgd", weights = "lazy" }
timing = { compute = "exponential", latency = 0.1 }
[groups.shuffling]
share = 0.5
sampler = "reshuffling"
batch = 3
[groups.walking]
share = 0.5
sampler = "srrw"
graph = "small_world"
[variant.first]
[variant.second]
groups.walking.sampler = "nbrw"
"""
UNPREDICTED = ("--quiet", "--set", "record.predict=false")
ARGUMENTS = ("../experiment.toml", "--agents", 5, "--steps", 10_000, "--trials", 4, *UNPREDICTED)
OUTPUT = "udsgd.h5"
CHECKPOINTS = f"{OUTPUT}.checkpoints"
STOPPED = 75


@pytest.fixture(scope="module", autouse=True)
def experiment(tmp_path_factory: pytest.TempPathFactory) -> None:
    (tmp_path_factory.getbasetemp() / "experiment.toml").write_text(EXPERIMENT)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("undisturbed")
    done = udsgd(*ARGUMENTS, cwd=folder)
    assert done.returncode == 0, done.stderr
    return bits_of(folder / OUTPUT)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def here(*arguments: object) -> int:
    """Exit code of ``udsgd`` in this process and the working folder."""
    return main([*map(str, arguments)])


def test_usr1_stops_all_ranks_at_one_step(undisturbed: dict[str, bytes], tmp_path: Path) -> None:
    job = Job(*ARGUMENTS, "--checkpoint-every", 1000, ranks=3, cwd=tmp_path)
    job.wait_until(tmp_path / CHECKPOINTS / "second.npz")
    job.send(signal.SIGUSR1, job.ranks()[-1])
    assert job.wait() == STOPPED
    assert "udsgd: stopped: [variant.second] at step " in job.log.read_text()
    with h5py.File(tmp_path / OUTPUT) as file:
        assert file.attrs["status"] == "stopped"
    done = udsgd(ARGUMENTS[0], *ARGUMENTS[3:], "--resume", ranks=2, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert bits_of(tmp_path / OUTPUT) == undisturbed
    assert not (tmp_path / CHECKPOINTS).exists()


def test_a_second_signal_ends_at_once(tmp_path: Path) -> None:
    job = Job(ARGUMENTS[0], "--agents", 2, "--steps", 10**6, ranks=2, cwd=tmp_path)
    job.wait_until(tmp_path / OUTPUT)
    rank = job.ranks()[0]
    job.send(signal.SIGSTOP, rank)  # so that it can't get to the next agreement
    job.send(signal.SIGUSR1, other := job.ranks()[1])
    time.sleep(0.5)  # the kernel makes one of two that are pending
    job.send(signal.SIGUSR1, other)
    job.send(signal.SIGCONT, rank)
    assert job.wait() not in (0, STOPPED)
    assert not (tmp_path / CHECKPOINTS).exists()


def test_max_time(tmp_path: Path) -> None:
    arguments = (ARGUMENTS[0], "--agents", 2, "--steps", 10**6, "--trials", 2)
    done = udsgd(*arguments, "--max-time", "4s", ranks=2, cwd=tmp_path)
    assert done.returncode == STOPPED, done.stderr
    assert " (--max-time" in done.stderr
    assert "; run it again with --resume auto" in done.stderr
    # Of the time that is given, loading takes what it takes.
    has_begun = "[variant.first] at step" in done.stderr
    assert (tmp_path / CHECKPOINTS / "first.npz").exists() == has_begun


def kill_and_resume(
    *arguments: object, kills: int, every: str, longest: float, folder: Path
) -> int:
    """Kill a run at random moments, one rank or all, until it ends; how often it was killed.

    Each time the result file opens, and the run goes on from it on another number of ranks.
    """
    chance = random.Random(kills)  # noqa: S311 - no secret
    resume = ("--resume", "auto", "--checkpoint-every", every)
    for killed in range(kills):
        job = Job(*arguments, *resume, ranks=chance.randint(1, 3), cwd=folder)
        job.wait_until(folder / OUTPUT)
        try:
            code = job.launcher.wait(chance.uniform(0.3, longest))
        except subprocess.TimeoutExpired:
            victims = job.ranks()
        else:
            assert code == 0, job.log.read_text()
            return killed
        if chance.random() < 0.5:
            victims = [chance.choice(victims)]
        for pid in victims:
            job.send(signal.SIGKILL, pid)
        job.wait()
        with h5py.File(folder / OUTPUT) as file:
            assert file.attrs["status"] in ("running", "complete")
            for run in file["runs"].values():
                assert len(run["step"]) == len(run["squared_error"])
    done = udsgd(*arguments, *resume, ranks=2, cwd=folder, timeout=600)
    assert done.returncode == 0, done.stderr
    return kills


def test_kills_at_random_moments(undisturbed: dict[str, bytes], tmp_path: Path) -> None:
    killed = kill_and_resume(*ARGUMENTS, kills=4, every="0.2s", longest=1.5, folder=tmp_path)
    assert killed > 1
    assert bits_of(tmp_path / OUTPUT) == undisturbed
    assert {path.name for path in tmp_path.iterdir()} == {OUTPUT, "log"}


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    ("arguments", "kills", "every"),
    [
        ((*ARGUMENTS[:4], 400_000, *ARGUMENTS[5:]), 50, "0.2s"),
        (("--agents", 4, "--steps", 100_000), 20, "1s"),
    ],
    ids=["fifty-kills", "soak"],
)
def test_many_kills(arguments: tuple[object, ...], kills: int, every: str, tmp_path: Path) -> None:
    disturbed, alone = tmp_path / "disturbed", tmp_path / "alone"
    disturbed.mkdir()
    alone.mkdir()
    (tmp_path / "experiment.toml").write_text(EXPERIMENT)
    killed = kill_and_resume(*arguments, kills=kills, every=every, longest=5, folder=disturbed)
    assert killed == kills
    assert udsgd(*arguments, ranks=2, cwd=alone, timeout=900).returncode == 0
    assert bits_of(disturbed / OUTPUT) == bits_of(alone / OUTPUT)


def test_a_damaged_checkpoint_gives_way_to_the_one_before(
    undisturbed: dict[str, bytes], folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    job = Job(*ARGUMENTS, "--checkpoint-every", 1000, ranks=2, cwd=folder)
    newest = folder / CHECKPOINTS / "first.npz"
    job.wait_until(previous := newest.with_suffix(".previous.npz"))
    job.send(signal.SIGUSR1, job.ranks()[0])
    assert job.wait() == STOPPED
    content = newest.read_bytes()
    newest.write_bytes(content[: len(content) // 2])
    assert here(*ARGUMENTS, "--resume") == 0
    assert bits_of(folder / OUTPUT) == undisturbed
    newest.parent.mkdir()
    for path in (newest, previous):
        path.write_bytes(content[:1000])
    (folder / OUTPUT).unlink()
    assert here(*ARGUMENTS, "--resume") == 2
    assert "expected an intact file written by udsgd" in capsys.readouterr().err


VERY_SHORT = (ARGUMENTS[0], "--agents", 2, "--steps", 50, "--trials", 2, *UNPREDICTED[1:])


def test_other_settings_are_refused_with_a_diff(folder: Path) -> None:
    assert here(*VERY_SHORT, "--quiet") == 0
    before = (folder / OUTPUT).read_bytes()
    done = udsgd(*VERY_SHORT, "--seed", 2, "--resume", ranks=2, cwd=folder)
    assert done.returncode == 2
    assert "-variant.first.seed = 1\n+variant.first.seed = 2\n" in done.stderr
    assert (folder / OUTPUT).read_bytes() == before


def test_resume_where_there_is_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert here(*VERY_SHORT, "--resume") == 2
    assert "expected udsgd.h5 or checkpoints" in capsys.readouterr().err
    assert not list(folder.iterdir())
    assert here(*VERY_SHORT, "--resume", "auto", "--quiet") == 0
    capsys.readouterr()
    assert here(*VERY_SHORT, "--resume", "auto") == 0
    assert "first" in capsys.readouterr().out


SHORT = (ARGUMENTS[0], "--agents", 3, "--trials", 3, "--quiet")


@pytest.fixture(scope="module")
def at_once(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("at-once")
    assert udsgd(*SHORT, "--steps", 250, "--trials", 6, cwd=folder).returncode == 0
    return bits_of(folder / OUTPUT)


@pytest.mark.parametrize("keep", [True, False], ids=["from-states", "from-the-start"])
def test_an_extended_run_equals_one_computed_at_once(
    keep: bool, at_once: dict[str, bytes], folder: Path
) -> None:
    flags = ("--keep-checkpoints",) if keep else ()
    assert here(*SHORT, "--steps", 100, *flags) == 0
    more = ("extend", OUTPUT, "--steps", 250, "--trials", "+3")
    if not keep:
        module = "tests.faults.held_run"
        job = Job("predicting", "TERM", 1, *more, ranks=2, cwd=folder, module=module)
        assert job.wait() == STOPPED, job.log.read_text()
        assert "while predicting" in job.log.read_text()
        assert "; run the same command again\n" in job.log.read_text()
        job.log.unlink()
    done = udsgd(*more, ranks=3, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert bits_of(folder / OUTPUT) == at_once
    assert {path.name for path in folder.iterdir()} == {OUTPUT, "udsgd.png"}


@pytest.mark.usefixtures("folder")
def test_refused_extensions(capsys: pytest.CaptureFixture[str]) -> None:
    assert here(*VERY_SHORT, "--quiet") == 0
    for flags, message in (
        ((), "expected --steps M or --trials +T"),
        (("--steps", 10), "expected more than the 50 steps done, got 10"),
        (("--trials", 5), "expected a number to add, such as +60, got '5'"),
    ):
        assert here("extend", OUTPUT, *flags) == 2
        assert message in capsys.readouterr().err
