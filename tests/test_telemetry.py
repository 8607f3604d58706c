"""Telemetry says what each rank did, adds up over the parts of a run, and enters no comparison."""

import time
from pathlib import Path

import h5py
import numpy as np
import pytest

from tests.launch import udsgd
from udsgd_mpi.analysis.telemetry_summary import summary
from udsgd_mpi.cli.main import main
from udsgd_mpi.storage.telemetry_group import read_telemetry
from udsgd_mpi.support.meter import Activity, Meter
from udsgd_mpi.support.telemetry import Telemetry

SMALL = ("--agents", "5", "--trials", "3", "--set", "record.predict=false")


@pytest.mark.launcher
def test_a_run_on_two_ranks(tmp_path: Path) -> None:
    started = time.monotonic()
    done = udsgd(*SMALL, "--steps", 400, ranks=2, cwd=tmp_path)
    wall = time.monotonic() - started
    assert done.returncode == 0, done.stderr
    found = read_telemetry(tmp_path / "udsgd.h5")
    assert list(found) == ["all-srw", "all-nbrw", "some-srrw"]
    for name, rows in found.items():
        hosted = [(row.part, row.rank, row.first_agent, row.agents) for row in rows]
        # The one agent with SRRW takes longer than the four others together.
        first = 4 if name == "some-srrw" else 2
        assert hosted == [(0, 0, 0, first), (0, 1, first, 5 - first)]
        for row in rows:
            assert min(row.sampling, row.gradient, row.mixing, row.recording) > 0
            # On a ring cut in two places a rank has two agents that the other needs, or one.
            assert row.messages == 400
            assert row.bytes_sent == 400 * min(2, row.agents) * 3 * 64 * 8
            assert 30e6 < row.peak_memory < 3e9
        # Who always comes last to an exchange does not wait.
        assert max(row.waiting for row in rows) > 0
    for rank in range(2):
        assert sum(rows[rank].seconds for rows in found.values()) < wall
    assert "communication" in done.stdout
    with h5py.File(tmp_path / "udsgd.h5") as file:
        units = {name: each.attrs["units"] for name, each in file["telemetry/all-srw"].items()}
    assert (units["gradient"], units["bytes_sent"], units["messages"]) == ("s", "B", "1")


def test_parts_of_a_run_follow_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([*SMALL, "--steps", "30", "--keep-checkpoints"]) == 0
    first = read_telemetry(Path("udsgd.h5"))
    assert main(["extend", "udsgd.h5", "--steps", "60"]) == 0
    for name, rows in read_telemetry(Path("udsgd.h5")).items():
        assert [row.part for row in rows] == [0, 1]
        assert rows[0].gradient <= first[name][0].gradient
        assert rows[0].sampling > 0
    assert main(["extend", "udsgd.h5", "--trials", "+2"]) == 0
    assert read_telemetry(Path("udsgd.h5")) == {}  # a merged file is of no one run


def test_laps_add_up_to_the_time_since_the_start() -> None:
    meter = Meter()
    time.sleep(0.01)
    meter.start()
    started = time.perf_counter()
    for activity in Activity:
        time.sleep(0.005 * (1 + activity))
        meter.lap(activity)
    whole = time.perf_counter() - started
    assert sum(meter.seconds) == pytest.approx(whole, abs=1e-3)
    assert (np.array(meter.seconds) >= 0.005 * np.arange(1, 6)).all()


def test_the_summary_names_the_rank_with_most_work() -> None:
    def row(part: int, rank: int, gradient: float, waiting: float) -> Telemetry:
        return Telemetry(
            part=part,
            rank=rank,
            host="h",
            first_agent=50 * rank,
            agents=50,
            sampling=0.5,
            gradient=gradient,
            mixing=0.5,
            waiting=waiting,
            recording=0.0,
            messages=7,
            bytes_sent=10**6,
            peak_memory=10**8,
        )

    said = summary([row(0, 0, 1, 6), row(0, 1, 5, 2), row(1, 0, 1, 3)])
    assert said.startswith("13 s in 2 parts; most work on rank 1 (agents 50-99): 0.5 s sampling")
    # 11 s of waiting and 1.5 s of mixing in 8 + 8 + 5 s; bytes and messages of all.
    assert "communication 60% of all ranks' time (52% waiting)" in said
    assert "21 messages, 3 MB; at most 100 MB" in said
