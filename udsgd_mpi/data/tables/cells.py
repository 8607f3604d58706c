"""Tables as records of cells, each with its place in its file."""

import csv
import zlib
from collections import Counter
from collections.abc import Container, Iterator, Sequence
from io import TextIOWrapper
from lzma import LZMAError
from pathlib import Path
from typing import NamedTuple

from udsgd_mpi.data.tables import parquet
from udsgd_mpi.support.errors import ConfigurationError, nearest
from udsgd_mpi.support.input_file import open_text, require_regular_file


class Cells(NamedTuple):
    """Cells of a file, or of one agent's part of it.

    Attributes
    ----------
    path
        The file.
    columns
        Names of the columns.
    records
        A list of cells for each row, in the order of the file.
    lines
        The line at which each row ends, or in Parquet the row, counted from 1.
    """

    path: Path
    columns: list[str]
    records: list[list[str]]
    lines: list[int]

    @property
    def counted(self) -> str:
        """What ``lines`` counts."""
        return _counted(self.path)

    def column(self, name: str) -> list[str]:
        """The cells of a column."""
        place = self.columns.index(name)
        return [record[place] for record in self.records]


def read_cells(
    path: Path,
    separator: str,
    names: Sequence[str] | None = None,
    agent: str | None = None,
    wanted: Container[str] | None = None,
) -> dict[str, Cells]:
    """Cells of a CSV file (plain, ``.gz``, ``.bz2`` or ``.xz``) or of Parquet, by agent.

    Parameters
    ----------
    names
        Names of the columns, where the first line does not have them.
    agent
        The column with the names of agents; None where all rows are of one, whose name is empty.
    wanted
        The agents whose rows are kept; by default all.

    Raises
    ------
    ConfigurationError
        If it can't be read, is not CSV in UTF-8, has rows of different lengths, or no such column;
        it says in which line.
    """
    columns: list[str] = []
    parts: dict[str, Cells] = {}
    of_parquet = path.suffix == parquet.SUFFIX
    if of_parquet and names:
        raise ConfigurationError(
            f"data.names: expected none for Parquet, which has them, got {[*names]} for {path};"
            " leave them out"
        )
    for line, record in parquet.records(path) if of_parquet else _records(path, separator):
        if not columns:
            columns = list(names or record)
            place = _places(columns, agent, path)
            if not names:
                continue
        if len(record) != len(columns):
            raise ConfigurationError(
                f"data file {path}: line {line}: expected {len(columns)} cells, as many as columns"
                f" have names, got {len(record)}; check the separator, quotes, and whether the"
                " first line has the names"
            )
        own = "" if place is None else record[place]
        if place is not None and not own:
            raise ConfigurationError(
                f"data file {path}: {_counted(path)} {line}, column {agent!r}: expected the name"
                " of an agent, got an empty cell; fill it in, or leave the row out"
            )
        if wanted is None or own in wanted:
            part = parts.setdefault(own, Cells(path, columns, [], []))
            part.records.append(record)
            part.lines.append(line)
    if not columns:
        raise ConfigurationError(f"data file {path}: expected CSV, got an empty file")
    return parts


def _counted(path: Path) -> str:
    return "row" if path.suffix == parquet.SUFFIX else "line"


def _records(path: Path, separator: str) -> Iterator[tuple[int, list[str]]]:
    """Each record of stripped cells with the line at which it ends; blank lines are left out."""
    name = f"data file {path}"
    require_regular_file(path, name)
    try:
        with open_text(path) as stream, TextIOWrapper(stream, "utf-8", newline="") as text:
            reader = csv.reader(text, delimiter=separator, strict=True)
            for record in reader:
                if record:
                    yield reader.line_num, [cell.strip() for cell in record]
    except OSError as error:
        raise ConfigurationError(f"{name}: cannot be read ({error.strerror or error})") from error
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            f"{name}: expected UTF-8, got byte 0x{error.object[error.start]:02x} after line"
            f" {reader.line_num}; save it as UTF-8"
        ) from error
    except (csv.Error, ValueError, EOFError, zlib.error, LZMAError) as error:
        if isinstance(error, ConfigurationError):  # of the consumer
            raise
        raise ConfigurationError(f"{name}: expected complete CSV, got: {error}") from error


def _places(columns: Sequence[str], agent: str | None, path: Path) -> int | None:
    """Place of the agents' column; names must be unique."""
    again = [name for name, count in Counter(columns).items() if count > 1]
    if again:
        raise ConfigurationError(
            f"data file {path}: expected names of columns that differ, got {again[0]!r} twice or"
            " more; rename one, or give names"
        )
    if agent is None:
        return None
    require_column(agent, columns, "data.agent", path)
    return columns.index(agent)


def require_column(name: str, columns: Sequence[str], setting: str, path: Path) -> None:
    """Refuse the name of a column that is not there, with the nearest that is."""
    if name not in columns:
        raise ConfigurationError(
            f"{setting}: expected a column of {path}, got {name!r}; {nearest(name, columns)}"
        )
