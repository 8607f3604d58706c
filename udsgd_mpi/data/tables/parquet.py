"""Tables in Parquet: records of cells, as CSV would have them."""

import os
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.support.input_file import require_regular_file

SUFFIX = ".parquet"


def records(path: Path) -> Iterator[tuple[int, list[str]]]:
    """The names of the columns, then the cells of each row, with its number, counted from 1.

    A null is an empty cell, a truth value 1 or 0, a number the shortest text that reads as the same
    number, a time in ISO 8601.

    Raises
    ------
    ConfigurationError
        If there is no PyArrow to read it, it can't be read, or is no Parquet.
    """
    name = f"data file {path}"
    try:
        from pyarrow import ArrowException, parquet
    except ImportError as error:
        raise ConfigurationError(
            f"{name}: expected PyArrow to read Parquet, got none; pip install 'udsgd_mpi[parquet]'"
        ) from error
    require_regular_file(path, name)
    try:
        with parquet.ParquetFile(path) as file:
            yield 0, file.schema_arrow.names
            yield from enumerate((list(map(_cell, row)) for row in _rows(file)), 1)
    except (ArrowException, OSError) as error:
        number = getattr(error, "errno", None)
        if number:
            raise ConfigurationError(f"{name}: cannot be read ({os.strerror(number)})") from error
        what = str(error).splitlines()[0]
        raise ConfigurationError(f"{name}: expected Parquet, got: {what}") from error


def _rows(file: Any) -> Iterator[tuple[object, ...]]:
    for batch in file.iter_batches():
        yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


def _cell(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return str(int(value))
        case date():
            return value.isoformat()
        case bytes():
            return value.decode(errors="replace").strip()
        case _:
            return str(value).strip()
