"""The examples of Python in launch/examples do what they say; CI executes the notebook."""

import runpy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import udsgd_mpi
from tests.launch import python

EXAMPLES = Path(__file__).parents[2] / "launch/examples"


def test_a_sweep_over_the_strength_of_repellence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    load = udsgd_mpi.load

    def smaller(settings: Mapping[str, Any]) -> dict[str, udsgd_mpi.Experiment]:
        few = {"agents": 3, "steps": 40, "trials": 2, "record.predict": False}
        return load(settings={**settings, **few})

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(udsgd_mpi, "load", smaller)
    monkeypatch.setattr("sys.argv", ["sweep.py"])
    runpy.run_path(str(EXAMPLES / "sweep.py"), run_name="__main__")
    results = udsgd_mpi.open_results("sweep.h5")
    strengths = ["alpha-0", "alpha-1", "alpha-5", "alpha-20"]
    assert results.variant.values.tolist() == strengths
    errors = results.squared_error.isel(step=-1).mean("trial")
    assert errors[0] != errors[-1]
    printed = capsys.readouterr().out.splitlines()
    for name, error, line in zip(strengths, errors, printed[1:], strict=False):
        found, value = line.split()
        assert found == name
        assert float(value) == pytest.approx(float(error), rel=1e-4)


@pytest.mark.launcher
def test_two_studies_on_halves_of_the_ranks(tmp_path: Path) -> None:
    done = python("-m", "mpi4py", EXAMPLES / "two_at_once.py", ranks=3, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    ranks = {}
    for name, line in zip(("nbrw", "srrw"), done.stdout.splitlines(), strict=True):
        results = udsgd_mpi.open_results(tmp_path / f"{name}.h5")
        assert name in results.sampler.values
        ranks[name] = results.attrs["ranks"]
        mse = float(results.squared_error.isel(variant=0, step=-1).mean())
        assert line == f"{name}: MSE = {mse:.3e}"
    assert ranks == {"nbrw": 2, "srrw": 1}
