"""Results as bits, to be compared between runs."""

from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from udsgd_mpi.storage.read import read_runs


def bits_of(path: Path) -> dict[str, bytes]:
    """Every array of each variant in a result file, by ``"VARIANT/NAME"``; text as it reads.

    Raises
    ------
    ConfigurationError
        If the file can't be read.
    """
    _, runs = read_runs(path)
    return {
        f"{variant}/{name}": _bytes(variable.values)
        for variant, run in runs.items()
        for name, variable in run.variables.items()
    }


def _bytes(values: NDArray[Any]) -> bytes:
    return repr(values.tolist()).encode() if values.dtype == object else values.tobytes()
