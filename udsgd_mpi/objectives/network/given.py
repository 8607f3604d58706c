"""θ from a file."""

from io import BytesIO
from pathlib import Path

import numpy as np

from udsgd_mpi.objectives.base import Floats
from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.support.input_file import content_of


def theta_in(file: Path, used: int, d: int) -> Floats:
    """The θ that a file of NumPy holds, filled up with zeros, shape (d,).

    Parameters
    ----------
    used
        Number of parameters of the model; the file may hold what fills up the row, too.

    Raises
    ------
    ConfigurationError
        If it can't be read, or holds something else.
    """
    name = f"objective.minimum {file}"
    content = content_of(file, name)
    try:
        theta = np.load(BytesIO(content), allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise ConfigurationError(f"{name}: expected an array as numpy.save writes it") from error
    if not isinstance(theta, np.ndarray) or theta.shape not in {(used,), (d,)}:
        got = f"shape {theta.shape}" if isinstance(theta, np.ndarray) else "several arrays"
        raise ConfigurationError(
            f"{name}: expected the {used:,} parameters of the model, shape ({used},), got {got}"
        )
    if theta.dtype.kind not in "fiu" or not np.isfinite(theta).all():
        raise ConfigurationError(f"{name}: expected finite numbers, got others")
    whole = np.zeros(d)
    whole[:used] = theta[:used]
    return whole
