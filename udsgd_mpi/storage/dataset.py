"""Result files as labelled arrays of xarray."""

from pathlib import Path
from typing import TYPE_CHECKING

from udsgd_mpi.storage.read import read_runs
from udsgd_mpi.support.errors import ConfigurationError

if TYPE_CHECKING:
    import xarray


def dataset(path: Path) -> "xarray.Dataset":
    """All variants of a result file as one data set; see ``udsgd_mpi.open_results``."""
    import xarray

    attributes, runs = read_runs(path)
    if not runs:
        raise ConfigurationError(f"results {path}: no variant has ended yet; try again later")
    variants = []
    for run in runs.values():
        arrays = {
            name: (each.dimensions, each.values, {"description": each.description})
            for name, each in run.variables.items()
        }
        labels = {name for name, each in run.variables.items() if each.dimensions == (name,)}
        variants.append(xarray.Dataset(arrays).set_coords(labels))
    joined: xarray.Dataset = xarray.concat(
        variants,
        xarray.DataArray(list(runs), dims="variant", name="variant"),
        data_vars="all",
        coords="minimal",
        compat="equals",
        join="outer",
        combine_attrs="override",
    )
    return joined.assign_attrs(attributes)
