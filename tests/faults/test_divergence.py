"""Iterates that are not finite any more."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from tests.launch import udsgd
from udsgd_mpi.cli.main import main

pytestmark = pytest.mark.launcher

# One trial in some loses everything in its first steps; the warning comes before the run.
ARGUMENTS = ("--agents", 2, "--steps", 600, "--trials", 3)
WILD = ("--set", "objective={kind='ridge', l2=1.0}", "--set", "step_size.gamma=1e4")


def test_a_run_that_diverges_stops_with_agent_trial_and_step(tmp_path: Path) -> None:
    done = udsgd(*ARGUMENTS, *WILD, ranks=2, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    assert "diverged: at step " in done.stderr
    assert "agent 0 is not finite in trial 0" in done.stderr
    assert "γ₁L = " in done.stderr
    assert "Traceback" not in done.stderr
    with h5py.File(tmp_path / "udsgd.h5") as file:
        assert file.attrs["status"] == "stopped"
        run = file["runs/all-srw"]
        assert np.isfinite(run["squared_error"][0]).all()


def test_masked_trials_are_left_out_and_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    unpredicted = ("--quiet", "--set", "record.predict=false")
    assert main([*map(str, ARGUMENTS), *unpredicted]) == 0
    with h5py.File("udsgd.h5", "r+") as file:
        kept = file["runs/all-srw/squared_error"][-1, :2].mean()
        file["runs/all-srw/squared_error"][5:, 2] = np.nan
    assert main(["report", "udsgd.h5"]) == 0
    said = capsys.readouterr().out
    assert "all-srw: 1 of 3 trials diverged and are left out" in said
    assert f"{kept:.3e}" in said


@pytest.mark.parametrize("quiet", [(), ("--quiet",)], ids=["shown", "quiet"])
def test_going_on_with_diverged_trials(quiet: tuple[str, ...], tmp_path: Path) -> None:
    going_on = ("--on-divergence", "mask", "--only", "all-srw", *quiet)
    done = udsgd(*ARGUMENTS, *WILD, *going_on, ranks=2, cwd=tmp_path)
    assert done.returncode == 2
    assert "expected a trial that did not diverge, got none of 3; first steps of" in done.stderr
    assert "divide step_size.gamma by that" in done.stderr
    with h5py.File(tmp_path / "udsgd.h5") as file:
        assert file.attrs["status"] == "complete"
