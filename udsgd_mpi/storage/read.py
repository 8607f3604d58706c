"""Opening result files, and reading what was written as it was."""

import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from udsgd_mpi.experiment.read import variants
from udsgd_mpi.experiment.schema import Experiment
from udsgd_mpi.storage.guard import check_safe
from udsgd_mpi.storage.variables import Run, Variable
from udsgd_mpi.storage.write import FORMAT, FORMAT_VERSION
from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.support.input_file import require_regular_file
from udsgd_mpi.support.lazy import lazy_module

if TYPE_CHECKING:
    import h5py
else:
    h5py = lazy_module("h5py")

# What continuing from a result file relies on.
_ATTRIBUTES = ("started", "status", "udsgd_mpi_version", "written")

# What h5py and NumPy raise where a file is not what it was.
_DAMAGE = (AttributeError, LookupError, MemoryError, OSError, RuntimeError, TypeError, ValueError)


@contextmanager
def open_result_file(path: Path) -> Iterator["h5py.File"]:
    """Open a result file for reading.

    Raises
    ------
    ConfigurationError
        If the file is missing, damaged, or not a result file of this program.
    """
    require_regular_file(path, f"results {path}")
    check_safe(path)
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        reason = "no such file" if not path.exists() else str(error)
        raise ConfigurationError(f"results {path}: cannot be read ({reason})") from error
    with file, _refused_where_damaged(path):
        if file.attrs.get("format") != FORMAT:
            raise ConfigurationError(f"results {path}: expected a file that udsgd wrote")
        if file.attrs["format_version"] > FORMAT_VERSION:
            raise ConfigurationError(
                f"results {path}: expected format version {FORMAT_VERSION} or older, got"
                f" {file.attrs['format_version']}; install a newer udsgd_mpi"
            )
        yield file


@contextmanager
def _refused_where_damaged(path: Path) -> Iterator[None]:
    try:
        yield
    except (ConfigurationError, BrokenPipeError):
        raise
    except _DAMAGE as error:
        raise ConfigurationError(
            f"results {path}: expected a file as udsgd wrote it, got a changed or damaged one"
            f" ({type(error).__name__}: {error})"
        ) from error


def require_known_layout(path: Path, file: "h5py.File") -> None:
    """Refuse the layout of before 23 November 2026, which lacks step sizes and much else."""
    if "ended" in file.attrs:
        raise ConfigurationError(
            f"results {path}: expected a file of 23 November 2026 or later, got one of"
            f" {file.attrs['ended'][:10]} in the layout of before; compute it again, or read it"
            " with h5py (udsgd inspect lists it)"
        )


def read_runs(path: Path) -> tuple[dict[str, Any], dict[str, Run]]:
    """Root attributes, and all of every variant, as ``write_results`` takes them.

    Raises
    ------
    ConfigurationError
        If the file can't be read.
    """
    with open_result_file(path) as file:
        require_known_layout(path, file)
        attributes = {
            key: value
            for key, value in file.attrs.items()
            if key not in ("format", "format_version")
        }
        runs = {
            name: Run(
                {"complete": True, **group.attrs},
                {key: variable_of(dataset) for key, dataset in group.items()},
            )
            for name, group in file["runs"].items()
        }
        settings = tomllib.loads(attributes["configuration"])["variant"]
        if missing := [name for name in _ATTRIBUTES if name not in attributes]:
            raise KeyError(*missing)
        if unknown := runs.keys() - settings.keys():
            raise KeyError(*unknown)
        return attributes, runs


def variable_of(dataset: "h5py.Dataset") -> Variable:
    """A data set with the names of its axes."""
    is_text = h5py.check_string_dtype(dataset.dtype)
    values = dataset.asstr()[:] if is_text else dataset[:]
    if dataset.is_scale:
        names: tuple[str, ...] = (dataset.name.rpartition("/")[2],)
    else:  # not by their paths, which HDF5 would look for in the whole file
        names = tuple(axis.keys()[0] for axis in dataset.dims)
    return Variable(values, names, dataset.attrs["description"], dataset.attrs["units"])


def read_experiments(path: Path) -> dict[str, Experiment]:
    """Settings of all variants of a result file.

    Raises
    ------
    ConfigurationError
        If the file can't be read.
    """
    with open_result_file(path) as file:
        return variants(tomllib.loads(file.attrs["configuration"]), {}, path.parent)
