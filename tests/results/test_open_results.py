"""One call opens a result file as xarray, as its parts do; the example says what the file says."""

import runpy
from pathlib import Path

import numpy as np
import pytest
import xarray

import udsgd_mpi
from udsgd_mpi.cli.main import main
from udsgd_mpi.support.errors import ConfigurationError

EXAMPLE = Path(__file__).parents[2] / "launch/examples/look_at_results.py"


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("results")
    experiment = folder / "x.toml"
    experiment.write_text(
        'trials = 3\n[groups.all]\nshare = 1.0\nsampler = "iid"\n'
        "[variant.small]\nagents = 2\nsteps = 20\n[variant.large]\nagents = 3\nsteps = 30\n"
    )
    results = folder / "x.h5"
    assert main(["run", str(experiment), "--output", str(results), "--quiet"]) == 0
    return results


def test_it_is_what_the_groups_are(file: Path) -> None:
    results = udsgd_mpi.open_results(file)
    assert results.squared_error.dims == ("variant", "step", "trial")
    assert results.variant.values.tolist() == ["small", "large"]
    for name in ("small", "large"):
        with xarray.open_dataset(file, group=f"runs/{name}", engine="h5netcdf") as run:
            mine = results.sel(variant=name).reindex_like(run)
            assert set(run.variables) <= set(mine.variables)
            for key in ("squared_error", "theta_mean", "predicted_mse", "limiting_covariance"):
                np.testing.assert_array_equal(mine[key], run[key])
            assert mine.sampler.values.tolist() == run.sampler.values.tolist()
    assert np.isnan(results.squared_error.sel(variant="small", step=30)).all()
    assert np.isnan(results.agent_trace_V.sel(variant="small", agent=2))
    assert results.attrs["status"] == "complete"


def test_missing_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no such file"):
        udsgd_mpi.open_results(tmp_path / "none.h5")


def test_the_example_runs(
    file: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["look_at_results.py", str(file)])
    runpy.run_path(str(EXAMPLE), run_name="__main__")
    said = capsys.readouterr().out
    error = udsgd_mpi.open_results(file).squared_error.sel(variant="large", step=30).mean()
    assert f"{float(error):.3e}" in said
