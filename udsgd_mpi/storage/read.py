"""Reading result files."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.errors import ConfigurationError
from udsgd_mpi.storage.write import FORMAT, FORMAT_VERSION

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Measured:
    """The measures of one variant.

    Attributes
    ----------
    step
        Shape (steps,).
    squared_error, consensus_error
        Shape (steps, trials).
    samplers
        Sampler of each agent.
    predicted_mse, predicted_mse_error
        Shape (steps,); None where nothing was predicted.
    last_theta
        Network averages at the last step, shape (trials, d).
    last_step_size
        γ_n there.
    limiting_covariance
        V, shape (d, d); None where nothing was predicted.
    """

    title: str
    step: NDArray[np.int64]
    squared_error: Floats
    consensus_error: Floats
    samplers: list[str]
    predicted_mse: Floats | None
    predicted_mse_error: Floats | None
    last_theta: Floats
    last_step_size: float
    limiting_covariance: Floats | None


@contextmanager
def open_results(path: Path) -> Iterator[h5py.File]:
    """Open a result file for reading.

    Raises
    ------
    ConfigurationError
        If the file is missing, damaged, or not a result file of this program.
    """
    try:
        file = h5py.File(path, "r")
    except OSError as error:
        reason = "no such file" if not path.exists() else str(error)
        raise ConfigurationError(f"results {path}: cannot be read ({reason})") from error
    with file:
        if file.attrs.get("format") != FORMAT:
            raise ConfigurationError(f"results {path}: expected a file that udsgd wrote")
        if file.attrs["format_version"] > FORMAT_VERSION:
            raise ConfigurationError(
                f"results {path}: expected format version {FORMAT_VERSION} or older, got"
                f" {file.attrs['format_version']}; install a newer udsgd_mpi"
            )
        yield file


def read_measures(path: Path) -> dict[str, Measured]:
    """Measures of all variants of a result file, in the order in which they ran.

    Raises
    ------
    ConfigurationError
        If the file can't be read, or no variant has ended yet.
    """
    with open_results(path) as file:
        if len(file["runs"]) == 0:
            raise ConfigurationError(f"results {path}: no variant has ended yet; try again later")
        return {
            name: Measured(
                title=run.attrs["title"],
                step=run["step"][:],
                squared_error=run["squared_error"][:],
                consensus_error=run["consensus_error"][:],
                samplers=run["sampler"].asstr()[:].tolist(),
                predicted_mse=_optional(run, "predicted_mse"),
                predicted_mse_error=_optional(run, "predicted_mse_error"),
                last_theta=run["theta_mean"][-1],
                last_step_size=float(run["step_size"][-1]),
                limiting_covariance=_optional(run, "limiting_covariance"),
            )
            for name, run in file["runs"].items()
        }


def _optional(run: h5py.Group, name: str) -> Floats | None:
    return run[name][:] if name in run else None
