"""Result files from Python."""

from os import PathLike
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import xarray


def open_results(path: str | PathLike[str]) -> "xarray.Dataset":
    """All of a result file as an xarray data set.

    Variables have the names that ``udsgd inspect`` lists, and among their dimensions are variant,
    step, trial, agent and parameter. Variants with other steps, agents or trials than the rest have
    NaN, or None, where they have nothing.

    Parameters
    ----------
    path
        A file that ``udsgd run`` or ``run`` wrote, complete or not.

    Raises
    ------
    ConfigurationError
        If it can't be read, or holds no variant yet.

    Examples
    --------
    >>> results = open_results("udsgd.h5")
    >>> results.squared_error.sel(variant="some-srrw").mean("trial").to_series()
    """
    from pathlib import Path

    from udsgd_mpi.storage.dataset import dataset

    return dataset(Path(path))
