"""The examples of parts of one's own run, with the errors that are predicted."""

import shutil
from pathlib import Path

import pytest

import udsgd_mpi

FOLDER = Path(__file__).parents[2] / "launch" / "examples" / "own_parts"


def test_measured_errors_are_those_predicted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """False alarms: two z-scores beyond 4.5, 1 in 70,000."""
    shutil.copytree(FOLDER, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    experiments = udsgd_mpi.load("own_parts.toml", {"steps": 300, "trials": 100})
    results = udsgd_mpi.run(experiments, output="own_parts.h5")
    for variant in ("lazy", "levy"):
        last = results.sel(variant=variant).isel(step=-1)
        measured, trials = last.squared_error, last.sizes["trial"]
        error = (measured.var("trial") / trials + last.predicted_mse_error**2) ** 0.5
        assert abs(measured.mean("trial") - last.predicted_mse) < 4.5 * error, variant
