"""Telemetry of a variant in a result file: one row for each rank of each part of its run."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from udsgd_mpi.storage.read import open_result_file
from udsgd_mpi.storage.variables import Run, Variable
from udsgd_mpi.support.telemetry import Telemetry

if TYPE_CHECKING:
    import h5py

_COLUMNS = {
    "part": ("part of a resumed run", "1"),
    "rank": ("MPI rank in its part", "1"),
    "host": ("host of the rank", "1"),
    "first_agent": ("first agent that the rank hosts", "1"),
    "agents": ("number of agents that the rank hosts", "1"),
    "sampling": ("time of drawing points", "s"),
    "gradient": ("time of local updates", "s"),
    "mixing": ("time of combining half-steps", "s"),
    "waiting": ("time in exchanges, for other ranks and for the transfer", "s"),
    "recording": ("time of gathering measures and writing files", "s"),
    "messages": ("half-steps' messages to other ranks, shared memory included", "1"),
    "bytes_sent": ("bytes in these messages", "B"),
    "peak_memory": ("largest resident memory of the process", "B"),
}


def as_run(rows: Sequence[Telemetry]) -> Run:
    """The group of a variant under ``/telemetry``."""
    variables = {"process": Variable(np.arange(len(rows)), ("process",), "rank of a part")}
    for name, (description, units) in _COLUMNS.items():
        values = [getattr(row, name) for row in rows]
        column = np.array(values, dtype=object if name == "host" else None)
        variables[name] = Variable(column, ("process",), description, units)
    return Run({}, variables)


def read_telemetry(path: Path) -> dict[str, list[Telemetry]]:
    """Telemetry of the variants that have it.

    Raises
    ------
    ConfigurationError
        If the file can't be read.
    """
    with open_result_file(path) as file:
        return {name: _rows(group) for name, group in file.get("telemetry", {}).items()}


def _rows(group: "h5py.Group") -> list[Telemetry]:
    columns = [
        (group[name].asstr()[:] if name == "host" else group[name][:]).tolist() for name in _COLUMNS
    ]
    rows = [dict(zip(_COLUMNS, values, strict=True)) for values in zip(*columns, strict=True)]
    return msgspec.convert(rows, list[Telemetry])
