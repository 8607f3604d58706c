"""What a figure can have on its horizontal axis."""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.storage.measured import Measured
from udsgd_mpi.support.errors import ConfigurationError

Abscissa = Literal["step", "time", "bytes"]

LABELS: dict[Abscissa, str] = {
    "step": "step $n$",
    "time": "simulated time of the slowest agent [s]",
    "bytes": "bytes exchanged in a trial",
}


def against(name: str, measured: Measured, x: Abscissa) -> NDArray[Any]:
    """Step n, the seconds until all agents had done it, or the bytes until then; shape (steps,).

    Raises
    ------
    ConfigurationError
        If the variant does not have it.
    """
    if x == "step":
        return measured.step
    if x == "time" and measured.simulated_time is not None:
        return np.asarray(measured.simulated_time.max(axis=1))
    if x == "bytes" and measured.bytes_exchanged is not None:
        return measured.bytes_exchanged
    needed = "a complete run with a table [timing]" if x == "time" else "a complete run"
    raise ConfigurationError(f"--x {x}: expected {needed}, got none in variant {name}")
