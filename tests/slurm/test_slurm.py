"""A job on Slurm gives the bits of a local run, however it is split, stopped or moved."""

import shutil
from pathlib import Path

import h5py
import pytest

from tests.faults.test_resuming import EXPERIMENT
from tests.launch import udsgd
from tests.slurm.cluster import Cluster
from tests.slurm.queue import SCRIPT, Queue
from udsgd_mpi.testing.bits import bits_of

pytestmark = [pytest.mark.launcher, pytest.mark.timeout(600)]

UNPREDICTED = ("--set", "record.predict=false")
SHORT = ("experiment.toml", "--agents", 6, "--steps", 300, "--trials", 7, *UNPREDICTED)
LONG = ("experiment.toml", "--agents", 5, "--steps", 4_000, "--trials", 4, *UNPREDICTED)
CHECKPOINT = "udsgd.h5.checkpoints/first.npz"


@pytest.fixture
def queue(slurm: Cluster, tmp_path: Path) -> Queue:
    (tmp_path / "experiment.toml").write_text(EXPERIMENT)
    return Queue(slurm, tmp_path)


def local_run(folder: Path, *arguments: object) -> dict[str, bytes]:
    (folder / "experiment.toml").write_text(EXPERIMENT)
    done = udsgd(*arguments, "--quiet", ranks=2, cwd=folder)
    assert done.returncode == 0, done.stderr
    return bits_of(folder / "udsgd.h5")


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return local_run(tmp_path_factory.mktemp("short"), *SHORT)


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return local_run(tmp_path_factory.mktemp("long"), *LONG)


@pytest.mark.parametrize(
    ("launcher", "nodes"),
    [("srun", 1), ("srun", 2), pytest.param("mpirun", 1, marks=pytest.mark.slow), ("mpirun", 2)],
)
def test_one_world_of_the_asked_size(
    launcher: str, nodes: int, queue: Queue, short: dict[str, bytes], tmp_path: Path
) -> None:
    job = queue.sbatch("-N", nodes, "-n", 4, SCRIPT, *SHORT, "--quiet", UDSGD_LAUNCHER=launcher)
    assert queue.wait(job) == "COMPLETED"
    with h5py.File(tmp_path / "udsgd.h5") as file:
        assert file.attrs["ranks"] == 4
        assert len(file.attrs["hosts"].split(", ")) == nodes
    assert bits_of(tmp_path / "udsgd.h5") == short


@pytest.mark.parametrize(
    ("arrays", "tasks"),
    [pytest.param(("trials=3",), 3, marks=pytest.mark.slow), (("variants", "trials=2"), 4)],
    ids=["trials", "variants-and-trials"],
)
def test_arrays_merge_to_what_one_job_writes(
    arrays: tuple[str, ...], tasks: int, queue: Queue, short: dict[str, bytes], tmp_path: Path
) -> None:
    flags = [word for each in arrays for word in ("--array", each)]
    _, merge = queue.submit_array(*SHORT, "--ranks", 2, *flags)
    assert queue.wait(merge) == "COMPLETED"
    status = queue.udsgd("status", "udsgd.h5").stdout
    assert status.count("COMPLETED") == tasks + 1, status
    assert merge in status
    assert bits_of(tmp_path / "udsgd.h5") == short
    part = tmp_path / "udsgd.h5.slurm" / f"part-{tasks - 1}.h5"
    with h5py.File(part) as file:
        trials = next(iter(file["runs"].values()))["trial"][:].tolist()
    assert trials == ([4, 5, 6] if tasks == 3 else [3, 4, 5, 6])


@pytest.mark.parametrize("launcher", ["srun", pytest.param("mpirun", marks=pytest.mark.slow)])
def test_a_job_whose_time_ends_goes_on(
    launcher: str, queue: Queue, long: dict[str, bytes], tmp_path: Path
) -> None:
    flags = ("--nodes", 2, "--ranks", 4, "--launcher", launcher, "--checkpoint-every", 100)
    job = queue.submit(*LONG, *flags)
    queue.wait_for(CHECKPOINT, job)
    assert "RUNNING" in queue.udsgd("status", "udsgd.h5").stdout
    queue.call("scancel", "--batch", "--signal=USR1", job)  # as Slurm does before the time is over
    assert queue.wait(job) == "COMPLETED"
    log = (tmp_path / "udsgd.h5.slurm" / f"{job}.log").read_text()
    assert "udsgd: stopped: [variant." in log
    assert log.count("\nstart 1 on") == 1
    assert bits_of(tmp_path / "udsgd.h5") == long


def test_a_task_whose_time_ends_goes_on_and_merging_waits(
    queue: Queue, long: dict[str, bytes], tmp_path: Path
) -> None:
    flags = ("--ranks", 2, "--array", "trials=2", "--checkpoint-every", 100)
    job, merge = queue.submit_array(*LONG, *flags)
    queue.wait_for("udsgd.h5.slurm/part-1.h5.checkpoints/first.npz", job)
    queue.call("scancel", "--batch", "--signal=USR1", f"{job}_1")
    assert queue.wait(merge) == "COMPLETED"
    first, last = ((tmp_path / "udsgd.h5.slurm" / f"{job}_{k}.log").read_text() for k in (0, 1))
    assert "start 1 on" not in first
    assert last.count("\nstart 1 on") == 1
    assert bits_of(tmp_path / "udsgd.h5") == long


def test_an_array_by_hand(queue: Queue, short: dict[str, bytes], tmp_path: Path) -> None:
    script = SCRIPT.with_name("slurm_array.sbatch")
    job = queue.sbatch("--array=1-3", "-n", 2, script, 7, *SHORT, "--quiet")
    queue.wait_for_all(job)
    parts = sorted(tmp_path.glob(f"udsgd-{job}-*.h5"))
    assert len(parts) == 3
    assert queue.udsgd("merge", "all.h5", *parts).returncode == 0
    assert bits_of(tmp_path / "all.h5") == short


def test_a_limit_of_restarts(queue: Queue, tmp_path: Path) -> None:
    job = queue.submit(*LONG, "--ranks", 2, "--restarts", 0, "--checkpoint-every", 100)
    queue.wait_for(CHECKPOINT, job)
    queue.call("scancel", "--batch", "--signal=USR1", job)
    assert queue.wait(job) == "FAILED"
    assert "ExitCode=75:0" in queue.call("scontrol", "show", "job", job)
    assert "stopped after 0 restarts" in (tmp_path / "udsgd.h5.slurm" / f"{job}.log").read_text()
    assert "stopped" in queue.udsgd("watch", "udsgd.h5", "--once").stdout


@pytest.mark.slow  # a node that goes down does the same to its job
def test_a_job_that_is_killed_and_queued_again(
    queue: Queue, long: dict[str, bytes], tmp_path: Path
) -> None:
    job = queue.submit(*LONG, "--ranks", 3, "--checkpoint-every", 100)
    queue.wait_for(CHECKPOINT, job)
    queue.call("scontrol", "requeue", job)
    assert queue.wait(job) == "COMPLETED"
    assert bits_of(tmp_path / "udsgd.h5") == long


def test_a_cancelled_job_is_not_queued_again_and_can_be_submitted_elsewhere(
    queue: Queue, long: dict[str, bytes], tmp_path: Path
) -> None:
    flags = ("--checkpoint-every", "100", "--quiet")
    job = queue.sbatch("-w", "n1", "-n", 2, SCRIPT, *LONG, *flags)
    queue.wait_for(CHECKPOINT, job)
    queue.call("scancel", job)
    assert queue.wait(job) == "CANCELLED"
    again = queue.sbatch("-w", "n2", "-n", 3, SCRIPT, *LONG, *flags)
    assert queue.wait(again) == "COMPLETED"
    assert queue.state(job) == "CANCELLED"
    assert bits_of(tmp_path / "udsgd.h5") == long


def test_a_node_that_goes_down(queue: Queue, long: dict[str, bytes], tmp_path: Path) -> None:
    job = queue.submit(*LONG, "--nodes", 2, "--ranks", 4, "--checkpoint-every", 100)
    queue.wait_for(CHECKPOINT, job)
    node = int(queue.call("scontrol", "show", "hostnames", queue.nodes(job)[0]).split()[-1][1:])
    queue.cluster.kill(node)
    try:
        assert queue.wait(job) == "COMPLETED"
        assert f"n{node}" not in queue.nodes(job)
    finally:
        queue.cluster.boot(node)
        queue.cluster.wait_for_nodes(3)
    assert bits_of(tmp_path / "udsgd.h5") == long


def test_no_environment_on_the_node(queue: Queue, tmp_path: Path) -> None:
    job = queue.sbatch("-n", 2, SCRIPT, *SHORT, UDSGD_VENV="/nowhere")
    assert queue.wait(job) == "FAILED"
    log = (tmp_path / f"udsgd-{job}.log").read_text()
    assert "no working udsgd in /nowhere on n" in log
    assert not (tmp_path / "udsgd.h5").exists()


def test_refusals(queue: Queue, tmp_path: Path) -> None:
    for flags, message in (
        (("--partition", "nowhere"), "invalid partition specified: nowhere"),
        (("--nodes", 5, "--ranks", 6), "Node count specification invalid"),
        (("--ranks", 7), "expected at least one agent for each of 7 ranks, got 6 agents"),
    ):
        done = queue.udsgd("submit", *SHORT, *flags)
        assert done.returncode == 2
        assert message in done.stderr, done.stderr
        assert "Traceback" not in done.stderr
    assert not (tmp_path / "udsgd.h5.slurm" / "submission.json").exists()
    shutil.rmtree(tmp_path / "udsgd.h5.slurm")
    job = queue.submit(*LONG, "--ranks", 2)
    done = queue.udsgd("submit", *LONG, "--ranks", 2)
    assert f"job {job} for it has not ended" in done.stderr
    queue.call("scancel", job)
    queue.wait(job)


@pytest.mark.slow
def test_a_time_limit(queue: Queue, tmp_path: Path) -> None:
    slow = ("--checkpoint-every", 1000, "--steps", 200_000)
    job = queue.sbatch("-t", 1, "--signal=B:USR1@30", "-n", 2, SCRIPT, *LONG, *slow)
    queue.wait_for(CHECKPOINT, job)
    queue.wait(job, "PENDING")
    assert "(SIGUSR1)" in (tmp_path / f"udsgd-{job}.log").read_text()
    queue.wait(job, "RUNNING")
    queue.call("scancel", job)
