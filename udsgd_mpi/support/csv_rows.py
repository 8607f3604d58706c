"""Small tables in CSV, as people write them by hand."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.support.input_file import content_of, decoded


class Row(NamedTuple):
    """Cells without blanks around them, and the line in which they end."""

    line: int
    cells: list[str]


def csv_rows(path: Path, name: str) -> Iterator[Row]:
    """Rows that say something; what follows a # is a comment.

    Parameters
    ----------
    name
        What the file is in the message.

    Raises
    ------
    ConfigurationError
        If it can't be read, or is no CSV in UTF-8; says where.
    """
    content = content_of(path, name)
    try:
        lines = decoded(content).splitlines()
    except ValueError as error:
        raise ConfigurationError(f"{name}: {error}") from error
    reader = csv.reader(line.partition("#")[0] for line in lines)
    try:
        for row in reader:
            cells = [cell.strip() for cell in row]
            if any(cells):
                yield Row(reader.line_num, cells)
    except csv.Error as error:
        raise ConfigurationError(f"{name}: line {reader.line_num}: {error}") from error
