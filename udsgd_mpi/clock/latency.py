"""Latencies as settings give them: a number, a matrix in a file, or regions."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import numpy as np
from msgspec import Meta, Struct
from numpy.typing import NDArray

from udsgd_mpi.communication import Latency
from udsgd_mpi.support.agent_lists import covering
from udsgd_mpi.support.csv_rows import csv_rows
from udsgd_mpi.support.errors import ConfigurationError, nearest
from udsgd_mpi.support.file_names import names_file

Floats = NDArray[np.float64]

_NAME = "timing.latency"
_MOST = 1e9  # seconds

Seconds = Annotated[float, Meta(ge=0, le=_MOST)]


class Regions(Struct, frozen=True, forbid_unknown_fields=True):
    """Latencies within and between regions.

    Parameters
    ----------
    regions
        Lists of the agents of each, e.g. ``{ north = "0-4", south = "5-9" }``.
    seconds
        From the region of a sender to that of a receiver, a row for each sender's:
        ``{ north = { north = 0.001, south = 0.1 }, south = { north = 0.1, south = 0.001 } }``.
    """

    regions: Annotated[dict[str, str], Meta(min_length=1)]
    seconds: dict[str, dict[str, Seconds]]

    def __post_init__(self) -> None:
        self._check_names(self.seconds, "seconds", "a row")
        for row in self.regions:
            self._check_names(self.seconds[row], f"seconds.{row}", "a latency")

    def _check_names(self, given: Mapping[str, object], where: str, what: str) -> None:
        for name in self.regions:
            if name not in given:
                raise ValueError(
                    f"expected in {where} {what} for each region, got none for {name!r}; add"
                    f" {where}.{name}"
                )
        for name in given:
            if name not in self.regions:
                raise ValueError(
                    f"unknown region {name!r} in {where}: {nearest(name, self.regions)}"
                )


AnyLatency = Seconds | Annotated[str, names_file()] | Regions


def latency_of(setting: AnyLatency, agents: int) -> Latency:
    """What a setting says of so many agents.

    Raises
    ------
    ConfigurationError
        If regions do not cover each agent once, or a matrix can't be read, is not of the agents, or
        lacks an entry; names its row and column.
    """
    if isinstance(setting, str):
        return Latency.matrix(_read(Path(setting).expanduser(), agents))
    if isinstance(setting, Regions):
        names = list(setting.regions)
        of_agents = covering(setting.regions, agents, f"{_NAME}.regions")
        region = np.array([names.index(name) for name in of_agents])
        seconds = [[setting.seconds[row][column] for column in names] for row in names]
        return Latency(region, np.array(seconds, dtype=np.float64))
    return Latency.uniform(agents, setting)


def _read(path: Path, agents: int) -> Floats:
    """Seconds from the agent of the row to that of the column, shape (agents, agents)."""
    name = f"{_NAME} {path}"
    rows = [row.cells for row in csv_rows(path, name)]
    if len(rows) != agents:
        raise ConfigurationError(
            f"{name}: expected {agents} rows, one for each agent that sends, got {len(rows)}; write"
            f" a matrix of {agents} × {agents} seconds"
        )
    return np.array([_row(i, row, agents, name) for i, row in enumerate(rows)])


def _row(i: int, cells: list[str], agents: int, name: str) -> list[float]:
    if len(cells) > agents:
        raise ConfigurationError(
            f"{name}: row {i + 1}, column {agents + 1}: expected {agents} columns, one for each"
            f" agent that receives, got {len(cells)}"
        )
    cells = cells + [""] * (agents - len(cells))
    return [_entry(i, j, cell, name) for j, cell in enumerate(cells)]


def _entry(i: int, j: int, cell: str, name: str) -> float:
    place = f"{name}: row {i + 1}, column {j + 1}"
    got = f"got {cell!r}" if cell else "got nothing"
    try:
        seconds = float(cell)
    except ValueError:
        seconds = np.nan
    if i == j and seconds != 0:
        raise ConfigurationError(f"{place}: expected 0 from agent {i} to itself, {got}")
    if not 0 <= seconds <= _MOST:
        raise ConfigurationError(
            f"{place}: expected seconds from 0 to {_MOST:g} from agent {i} to agent {j}, {got}"
        )
    return seconds
