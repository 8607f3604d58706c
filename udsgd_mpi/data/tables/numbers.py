"""From cells to numbers: what stands in each column of one agent's rows."""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.data.tables.cells import Cells
from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.support.natural_order import as_number, natural_order
from udsgd_mpi.support.one_line import shown

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Numbers:
    """Rows of one agent.

    Attributes
    ----------
    numeric
        Each numeric column by its name, shape (rows,); NaN where a cell is missing.
    words
        Each categorical column by its name; None where a cell is missing.
    lines
        The line of each row in its file.
    """

    numeric: dict[str, Floats]
    words: dict[str, list[str | None]]
    lines: NDArray[np.int64]

    @classmethod
    def of(
        cls,
        cells: Cells,
        columns: Sequence[str],
        categorical: Collection[str],
        marks: Collection[str],
    ) -> "Numbers":
        """Those of some columns.

        Parameters
        ----------
        marks
            Cells that stand for a missing value.

        Raises
        ------
        ConfigurationError
            If a cell of a numeric column is no finite number; says which.
        """
        absent = frozenset(marks)
        numeric = {
            name: _numbers(cells, name, absent) for name in columns if name not in categorical
        }
        words = {
            name: [None if cell in absent else _word(cell) for cell in cells.column(name)]
            for name in columns
            if name in categorical
        }
        return cls(numeric, words, np.array(cells.lines, dtype=np.int64))

    @property
    def missing(self) -> dict[str, NDArray[np.bool_]]:
        """Whether the cell of each row is missing, by column."""
        of_numeric = {name: np.isnan(values) for name, values in self.numeric.items()}
        of_words = {
            name: np.array([word is None for word in words], dtype=np.bool_)
            for name, words in self.words.items()
        }
        return of_numeric | of_words

    def take(self, rows: NDArray[np.bool_]) -> "Numbers":
        """Some of the rows."""
        return Numbers(
            {name: values[rows] for name, values in self.numeric.items()},
            {
                name: [word for word, taken in zip(words, rows, strict=True) if taken]
                for name, words in self.words.items()
            },
            self.lines[rows],
        )


def levels(words: Collection[str | None]) -> list[str | None]:
    """The categories among some words: numbers by value, then texts, then that of missing cells."""
    found = sorted({word for word in words if word is not None})
    return [*(found[k] for k in natural_order(found)), *([None] if None in words else [])]


def _word(cell: str) -> str:
    """A category; 1 and 1.0 are the same one."""
    number = as_number(cell)
    return cell if number is None else repr(float(number)).removesuffix(".0")


def _numbers(cells: Cells, name: str, marks: frozenset[str]) -> Floats:
    found = [math.nan if cell in marks else _number(cell) for cell in cells.column(name)]
    bad = [k for k, number in enumerate(found) if number is None]
    if bad:
        cell = cells.records[bad[0]][cells.columns.index(name)]
        raise ConfigurationError(
            f"data file {cells.path}: {cells.counted} {cells.lines[bad[0]]}, column {name!r}:"
            f" expected a finite number, got {shown(cell)} (and {len(bad) - 1} more"
            " such cells in this column); name the column in categorical or drop, or the cell in"
            " marks of missing values"
        )
    return np.array(found, dtype=np.float64)


def _number(cell: str) -> float | None:
    try:
        number = float(cell)
    except ValueError:
        return None
    return number if math.isfinite(number) and "_" not in cell else None
