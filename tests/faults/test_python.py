"""Ranks that Python starts: a lost one costs nothing but time, and an interrupt ends them all."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

import udsgd_mpi
from udsgd_mpi.testing.bits import bits_of

pytestmark = pytest.mark.launcher
SETTINGS = {
    "agents": 4,
    "steps": 4000,
    "trials": 8,
    "topology": "complete",
    "record.predict": False,
}


@pytest.fixture
def experiment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> udsgd_mpi.Experiment:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    return udsgd_mpi.load(settings=SETTINGS)["some-srrw"]


def once_saved(act: Callable[[], object], output: str = "a.h5") -> threading.Thread:
    """Act in a thread as soon as there is a checkpoint."""

    def wait() -> None:
        end = time.monotonic() + 60
        while not any(Path(f"{output}.checkpoints").glob("*.npz")) and time.monotonic() < end:
            time.sleep(0.01)
        act()

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


def rank_0() -> int:
    return int(json.loads(Path(".a.h5.lock").read_text())["process"])


@pytest.mark.usefixtures("interruptible")
def test_a_lost_rank_and_an_interrupt_leave_the_same_bits(
    experiment: udsgd_mpi.Experiment,
) -> None:
    udsgd_mpi.run(experiment, output="whole.h5")
    killer = once_saved(lambda: os.kill(rank_0(), signal.SIGKILL))
    udsgd_mpi.run(experiment, output="a.h5", ranks=2, restarts=1, checkpoint_every=100)
    killer.join()
    assert bits_of(Path("a.h5")) == bits_of(Path("whole.h5"))

    Path("a.h5").unlink()
    processes = []

    def interrupt() -> None:
        processes.append(rank_0())
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)

    interrupter = once_saved(interrupt)
    with pytest.raises(KeyboardInterrupt):
        udsgd_mpi.run(experiment, output="a.h5", ranks=2, checkpoint_every=100)
    interrupter.join()
    with pytest.raises(ProcessLookupError):
        os.kill(processes[0], 0)
    assert udsgd_mpi.open_results("a.h5").attrs["status"] == "stopped"
    udsgd_mpi.run(experiment, output="a.h5", resume="required")  # in this process
    assert bits_of(Path("a.h5")) == bits_of(Path("whole.h5"))


NOTEBOOK = """
import udsgd_mpi
from tests.faults.test_python import SETTINGS

experiment = udsgd_mpi.load(settings=SETTINGS | {"steps": 10**6})["some-srrw"]
udsgd_mpi.run(experiment, output="a.h5", ranks=2, checkpoint_every=100)
"""


def test_ranks_do_not_outlive_the_process_that_started_them(
    experiment: udsgd_mpi.Experiment,
) -> None:
    assert experiment
    notebook = subprocess.Popen([sys.executable, "-c", NOTEBOOK], stderr=subprocess.DEVNULL)
    once_saved(notebook.kill).join()
    notebook.wait(10)
    end = time.monotonic() + 30
    while Path(".a.h5.lock").exists() and time.monotonic() < end:
        time.sleep(0.05)
    assert not Path(".a.h5.lock").exists()
    assert udsgd_mpi.open_results("a.h5").attrs["status"] == "stopped"
