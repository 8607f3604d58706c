"""Kills, hangs and requests to stop in every phase: the job ends, resumes, keeps its bits."""

import random
import re
import shutil
import time
from collections import Counter
from collections.abc import Iterable
from itertools import product
from pathlib import Path
from typing import NamedTuple

import h5py
import pytest

from tests.faults.held_run import PHASES
from tests.faults.jobs import Job
from tests.launch import udsgd
from udsgd_mpi.cli.main import main
from udsgd_mpi.testing.bits import bits_of

pytestmark = pytest.mark.launcher

# Patterns that draw W or average, messages in single precision, and all that a state consists of.
EXPERIMENT = """
agents = 8
data = { source = "breast_cancer", standardize = true }
record = { polyak = true, detail = "iterates", per_decade = 5 }
step_size.gamma = 0.3
[groups.walking]
share = 0.5
sampler = { kind = "hdt", alpha = 5, b = 0.8 }
graph = "small_world"
batch = 3
[groups.shuffling]
share = 0.5
sampler = "single_shuffling"
batch = 4
[variant.hierarchy]
communication = { kind = "hlsgd", clusters = 2, inner = 2, outer = 3, precision = "single" }
[variant.churn]
communication = { kind = "drop_out", leave = 0.1, rejoin = 0.5 }
"""
MORE_VARIANTS = """
[variant.participants]
communication = { kind = "lsgd_pp", participants = 3, interval = 4 }
[variant.peers]
communication = { kind = "one_peer_exponential", precision = "single" }
[variant.matching]
communication = "random_matching"
[variant.links]
communication = { kind = "unreliable_links", failure = 0.1, recovery = 0.5 }
[variant.compressed]
communication = { kind = "dsgd", compression = "quantize" }
"""
SHORT = ("../experiment.toml", "--trials", 3, "--steps", 300, "--checkpoint-every", 50)
QUIET = (*SHORT, "--quiet")
OUTPUT = "udsgd.h5"
STOPPED = 75
STALL = 8.0
MARGIN = 12.0  # to report and to end, on a machine that does other things, too

OF_ROOT = ("reading", "minimizing", "recording", "saving", "removing", "ending")
MOST_CALLS = {"posing": 3, "stepping": 3, "recording": 6, "saving": 6, "predicting": 6}


class Fault(NamedTuple):
    """A signal in a phase, as a rank makes its k-th call there."""

    phase: str
    signal: str
    k: int
    ranks: int
    rank: int

    @classmethod
    def drawn(cls, phase: str, signal: str, chance: random.Random) -> "Fault":
        k = chance.randint(1, MOST_CALLS.get(phase, 1))
        ranks = chance.randint(2 if signal == "STOP" else 1, 3)
        return cls(phase, signal, k, ranks, 0 if phase in OF_ROOT else chance.randrange(ranks))


def held(phase: str, how: str, rank: object, *flags: object, ranks: int, cwd: Path) -> Job:
    """A run that is held; see ``tests.faults.held_run``."""
    return Job(
        phase, how, rank, "run", *flags, ranks=ranks, cwd=cwd, module="tests.faults.held_run"
    )


def seconds_since_held(job: Job) -> float:
    """Time since the first rank was held, as the job has just ended."""
    ended = time.time()
    said = re.search(r"held at ([\d.]+)", job.log.read_text())
    assert said, job.log.read_text()
    return ended - float(said[1])


def run_into(fault: Fault, arguments: tuple[object, ...], folder: Path) -> tuple[int, float | None]:
    """Exit code of a job that goes on into a fault, and seconds from there; None if none came."""
    flags = (*arguments, "--resume", "auto", "--stall-timeout", f"{STALL}s")
    how = f"{fault.signal}@{fault.k}"
    job = held(fault.phase, how, fault.rank, *flags, ranks=fault.ranks, cwd=folder)
    code = job.wait()
    log = job.log.read_text()
    if "held at" not in log:
        assert code == 0, log
        return code, None
    seconds = seconds_since_held(job)
    assert "Traceback" not in log or fault.signal == "STOP", log
    if fault.signal == "TERM":
        assert code in (0, STOPPED), log  # 0 where the last step of all was taken already
        assert ("udsgd: stopped: " in log) == (code == STOPPED)
    else:
        assert code not in (0, STOPPED)
    if (folder / OUTPUT).exists():
        with h5py.File(folder / OUTPUT) as file:
            assert file.attrs["status"] in ("running", "stopped", "complete")
            for run in file["runs"].values():
                assert len(run["step"]) == len(run["squared_error"])
    return code, seconds


def clear(folder: Path) -> None:
    """Let the next job begin anew."""
    (folder / OUTPUT).unlink()
    shutil.rmtree(folder / f"{OUTPUT}.checkpoints", ignore_errors=True)


def suffer(
    kinds: Iterable[tuple[str, str]],
    arguments: tuple[object, ...],
    folder: Path,
    undisturbed: dict[str, bytes],
) -> Counter[str]:
    """Go on from fault to fault, and compare whenever a job has ended; how often each came."""
    chance = random.Random(0)  # noqa: S311 - no secret
    counts: Counter[str] = Counter()
    for kind in kinds:
        fault = Fault.drawn(*kind, chance)
        seconds = None
        while seconds is None:
            code, seconds = run_into(fault, arguments, folder)
            print(f"{fault} code {code}, {seconds} s", flush=True)  # noqa: T201 - for the record
            if code == 0:
                assert bits_of(folder / OUTPUT) == undisturbed
                clear(folder)
                counts["same bits"] += 1
            fault = fault._replace(k=1)  # what a run that begins anew comes to
        assert seconds < STALL + MARGIN
        counts[fault.signal] += 1
    done = udsgd("run", *arguments, "--resume", "auto", ranks=2, cwd=folder)
    assert done.returncode == 0, done.stderr
    assert bits_of(folder / OUTPUT) == undisturbed
    left = {path.name for path in folder.iterdir()}
    assert left == {OUTPUT, "log"} | ({"udsgd.png"} if "--quiet" not in arguments else set())
    return counts


def run_alone(arguments: tuple[object, ...], experiment: str, folder: Path) -> dict[str, bytes]:
    """What a run gives that nothing disturbs."""
    (folder.parent / "experiment.toml").write_text(experiment)
    done = udsgd("run", *arguments, cwd=folder, timeout=600)  # kernels may be compiled
    assert done.returncode == 0, done.stderr
    return bits_of(folder / OUTPUT)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return run_alone(QUIET, EXPERIMENT, tmp_path_factory.mktemp("undisturbed"))


def test_kills_while_saving_recording_and_predicting(
    undisturbed: dict[str, bytes], tmp_path: Path
) -> None:
    kinds = [("saving", "KILL"), ("recording", "KILL"), ("predicting", "KILL")]
    assert suffer(kinds, QUIET, tmp_path, undisturbed)["KILL"] == 3


def test_what_is_measured_is_not_measured_again(
    undisturbed: dict[str, bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = (*SHORT[:5], "--quiet", "--only", "churn", "--checkpoint-every", "1h")
    assert held("predicting", "KILL", 1, *flags, ranks=2, cwd=tmp_path).wait() != 0
    with h5py.File(tmp_path / OUTPUT) as file:
        attributes = file["runs/churn"].attrs
        assert attributes["measured"]
        assert not attributes["complete"]
        assert file["runs/churn/step"][-1] == 300
    assert main(["report", str(tmp_path / OUTPUT)]) == 0
    assert "churn: not complete yet" in capsys.readouterr().out
    done = udsgd("run", *flags, "--resume", ranks=2, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "[variant.churn] already measured; only the prediction is left" in done.stderr
    assert "begins at step" not in done.stderr
    found = bits_of(tmp_path / OUTPUT)
    assert found == {name: undisturbed[name] for name in found}
    assert len(found) > 20


def test_a_kill_before_checkpoints_are_removed(tmp_path: Path) -> None:
    (tmp_path.parent / "experiment.toml").write_text(EXPERIMENT)
    unpredicted = ("--quiet", "--set", "record.predict=false")
    flags = (*SHORT[:5], *unpredicted, "--only", "churn", "--checkpoint-every", 299)
    assert held("removing", "KILL", 0, *flags, ranks=2, cwd=tmp_path).wait() != 0
    with h5py.File(tmp_path / OUTPUT) as file:
        assert file.attrs["status"] == "complete"
    assert (tmp_path / f"{OUTPUT}.checkpoints" / "churn.npz").exists()
    done = udsgd("run", *flags, "--resume", "auto", ranks=1, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in tmp_path.iterdir()} == {OUTPUT, "log"}


def test_a_rank_that_hangs_while_posing(tmp_path: Path) -> None:
    (tmp_path.parent / "experiment.toml").write_text(EXPERIMENT)
    job = held("posing", "STOP@2", 1, *SHORT, "--stall-timeout", "5s", ranks=3, cwd=tmp_path)
    assert job.wait() not in (0, STOPPED)
    assert seconds_since_held(job) < 5 + MARGIN
    log = job.log.read_text()
    assert re.search(r"stalled while posing the problem: rank [02] on \S+ waits for all ranks", log)
    assert "problem: rank 1 on" not in log


def test_ranks_that_pose_for_long_do_not_stall_and_hear_of_a_signal(tmp_path: Path) -> None:
    (tmp_path.parent / "experiment.toml").write_text(EXPERIMENT)
    long = ("--set", "agents=90", "--stall-timeout", "3s")
    job = held("posing", "0.3", 1, *SHORT, *long, ranks=2, cwd=tmp_path)
    job.wait_until_said("held at")
    time.sleep(5)  # longer than ranks may wait for each other
    job.send_to_rank(0, "USR1")
    assert job.wait() == STOPPED, job.log.read_text()
    log = job.log.read_text()
    assert "udsgd: stopped: while posing the problem (SIGUSR1); run it again with --resume" in log
    assert {path.name for path in tmp_path.iterdir()} == {"log"}


def test_a_deadline_ends_what_does_not_hear_of_it(tmp_path: Path) -> None:
    (tmp_path.parent / "experiment.toml").write_text(EXPERIMENT)
    started = time.monotonic()
    job = held("minimizing", "100", 0, *SHORT, "--max-time", "3s", ranks=2, cwd=tmp_path)
    assert job.wait() == STOPPED, job.log.read_text()
    assert time.monotonic() - started < 3 + 5 + MARGIN
    assert "udsgd: stopped: while posing the problem (--max-time)" in job.log.read_text()
    assert {path.name for path in tmp_path.iterdir()} == {"log"}


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_faults_in_every_phase(tmp_path: Path) -> None:
    alone, folder = tmp_path / "alone", tmp_path / "disturbed"
    alone.mkdir()
    folder.mkdir()
    undisturbed = run_alone(SHORT, EXPERIMENT + MORE_VARIANTS, alone)
    kinds = [*product(PHASES, (*5 * ("KILL",), "STOP", "TERM"))]
    random.Random(0).shuffle(kinds)  # noqa: S311 - no secret
    counts = suffer(kinds, SHORT, folder, undisturbed)
    assert counts["KILL"] >= 50
    assert counts["same bits"] > 0
