"""A result file says what it holds, and opens in h5py and xarray without a warning."""

import tomllib
from pathlib import Path

import h5py
import numpy as np
import pytest
import xarray

from tests.launch import udsgd
from udsgd_mpi.experiment.read import variants

pytestmark = pytest.mark.launcher


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("results")
    arguments = ("--agents", 5, "--steps", 50, "--trials", 4, "--record", "iterates", "--quiet")
    done = udsgd(*arguments, ranks=2, cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder / "udsgd.h5"


def test_root_attributes(results: Path) -> None:
    with h5py.File(results) as file:
        attributes = dict(file.attrs)
    assert attributes["format"] == "udsgd_mpi results"
    assert attributes["status"] == "complete"
    assert attributes["seed"] == 1
    assert attributes["ranks"] == 2
    assert "numpy" in attributes["package_versions"]
    assert attributes["started"] <= attributes["written"]
    assert attributes["mpi_library"]
    assert attributes["hosts"]


def test_configuration_runs_again(results: Path) -> None:
    with h5py.File(results) as file:
        raw = tomllib.loads(file.attrs["configuration"])
    again = variants(raw, {})
    assert list(again) == ["all-srw", "all-nbrw", "some-srrw"]
    assert again["some-srrw"].steps == 50
    assert again["some-srrw"].groups["upgraded"].sampler.name == "srrw"


def test_every_dataset_has_dimensions_units_and_a_description(results: Path) -> None:
    with h5py.File(results) as file:
        for run in file["runs"].values():
            for dataset in run.values():
                assert dataset.attrs["description"]
                assert dataset.attrs["units"] == ("B" if "bytes" in dataset.name else "1")
                if not dataset.is_scale:
                    assert all(len(dimension) == 1 for dimension in dataset.dims)


def test_xarray_opens_it(results: Path) -> None:
    with xarray.open_dataset(results, group="runs/some-srrw", engine="h5netcdf") as run:
        assert dict(run.sizes) == {
            "step": run.sizes["step"],
            "trial": 4,
            "parameter": 64,
            "other_parameter": 64,
            "agent": 5,
        }
        assert run.theta.dims == ("step", "trial", "agent", "parameter")
        assert run.step.values[-1] == 50
        assert run.sampler.values.tolist() == ["iid", "iid", "srw", "srw", "srrw"]
        np.testing.assert_allclose(run.theta.mean("agent"), run.theta_mean, atol=1e-14)
        errors = ((run.theta_mean - run.minimizer) ** 2).sum("parameter")
        np.testing.assert_allclose(errors, run.squared_error, rtol=1e-12)
        assert run.limiting_covariance.dims == ("parameter", "other_parameter")
        trace = np.trace(run.limiting_covariance)
        assert float(run.agent_trace_V.sum()) == pytest.approx(trace)
        assert set(run.predicted_by.values.tolist()) == {"linear", "paths"}
