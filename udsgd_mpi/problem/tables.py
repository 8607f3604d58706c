"""Rows of tables become points: rules are fitted over agents, and no row leaves its agent.

What agents tell each other are names and categories of columns, counts, and sums over their rows.
"""

import logging
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.data.tables.cells import Cells
from udsgd_mpi.data.tables.numbers import Numbers, levels
from udsgd_mpi.data.tables.reader import TableReader
from udsgd_mpi.problem.reading import INTERCEPT, Scaling
from udsgd_mpi.problem.team import Team
from udsgd_mpi.support.digests import digest
from udsgd_mpi.support.errors import ConfigurationError

Floats = NDArray[np.float64]

_log = logging.getLogger(__name__)

_MISSING = "(missing)"

_EPSILON = np.finfo(np.float64).eps


class Table:
    """Points of the hosted agents, from a table; collective.

    Parameters
    ----------
    standardize
        Whether numeric columns are shifted and scaled to mean 0 and variance 1 over all rows.

    Attributes
    ----------
    features, labels
        Of each hosted agent, shapes (rows, features) and (rows,).
    names
        Of the features.
    scaling
        How they were standardised; None where they were not.
    digests
        Of each hosted agent's rows as they were read.

    Raises
    ------
    ConfigurationError
        If the table can't be read or does not suffice; it names the agent, the line or the column.
    """

    def __init__(self, reader: TableReader, *, standardize: bool, team: Team) -> None:
        self._reader = reader
        self._team = team
        self.agents = team.bcast(reader.agents)
        if self.agents is not None and len(self.agents) != team.agents:
            raise ConfigurationError(
                f"agents: expected {len(self.agents)}, as there are in {reader.name}, got"
                f" {team.agents}; leave agents out"
            )
        cells = team.everywhere(lambda: reader.cells(self.agents, team.hosted))
        self._columns = self._agreed_columns(cells)
        asked = [*self._columns, reader.label]

        def read(i: int) -> Numbers:
            found = Numbers.of(cells[i], asked, reader.categorical, reader.marks)
            return self._complete(found, cells[i], i)

        rows = team.map(read)
        self.digests = [_digest(each) for each in rows]
        self.labels = self._labels(rows)
        numeric = [name for name in self._columns if name not in reader.categorical]
        parts = [[own.numeric[name] for name in numeric] for own in rows]
        if reader.missing == "mean":
            parts = self._imputed(numeric, parts)
        found = {
            name: self._levels(name, rows) for name in self._columns if name in reader.categorical
        }
        of_levels = [f"{name}={level or _MISSING}" for name in found for level in found[name]]
        self.names = (*numeric, *of_levels, *([INTERCEPT] * reader.intercept))
        self.scaling = None
        if standardize:
            parts, means, scales = self._standardized(parts)
            others = len(self.names) - len(numeric)
            self.scaling = Scaling(
                np.append(means, np.zeros(others)), np.append(scales, np.ones(others))
            )
        ends = [[np.ones_like(y)] * reader.intercept for y in self.labels]
        whole = zip(parts, _one_hot(rows, found), ends, strict=True)
        self.features = [np.stack([x for part in own for x in part], axis=1) for own in whole]

    def _agreed_columns(self, cells: Mapping[int, Cells]) -> list[str]:
        """The columns that become features, in the order of the first agent's file."""
        reader, hosted = self._reader, self._team.hosted

        def used() -> list[tuple[list[str], str]]:
            return [
                (reader.used(cells[i].columns, cells[i].path), str(cells[i].path)) for i in hosted
            ]

        found = self._team.allgather(self._team.everywhere(used))
        first, place = found[0]
        for i, (columns, path) in enumerate(found):
            if set(columns) != set(first):
                more, none = sorted({*columns} - {*first}), sorted({*first} - {*columns})
                differing = [f"further ones ({', '.join(more)})"] * bool(more)
                differing += [f"none of {', '.join(none)}"] * bool(none)
                raise ConfigurationError(
                    f"{self._called(i)}: {path}: expected the columns of {place}, got"
                    f" {' and '.join(differing)}; name those to use in columns, or some in drop"
                )
        return first

    def _called(self, i: int) -> str:
        return f"agent {i}" if self.agents is None else f"agent {i} ({self.agents[i]})"

    def _complete(self, found: Numbers, cells: Cells, i: int) -> Numbers:
        """The rows that are kept: where values are missing, as the rule says."""
        rule, missing = self._reader.missing, found.missing
        without = np.array(missing[self._reader.label])
        if rule != "mean":
            without = np.logical_or.reduce([*missing.values()])
        if rule == "error" and without.any():
            row = int(np.argmax(without))
            column = next(name for name, those in missing.items() if those[row])
            raise ConfigurationError(
                f"{self._called(i)}: data file {cells.path}: {cells.counted} {found.lines[row]},"
                f' column {column!r}: expected a value, got none; use missing = "drop" or "mean",'
                " or drop the column"
            )
        if missing[self._reader.label].all():
            raise ConfigurationError(
                f"{self._called(i)}: data file {cells.path}: column {self._reader.label!r}:"
                f" expected a label in one row at least, got none in {len(without)}; leave the"
                " agent out, or name another label"
            )
        if without.all():
            raise ConfigurationError(
                f"{self._called(i)}: data file {cells.path}: expected a row without missing values"
                f" at least, got none of {len(without)}; drop the columns that lack them, or use"
                ' missing = "mean"'
            )
        if without.any():
            _log.warning(
                "%s: %s: %s of %s rows are left out, as values are missing (the label in %s of"
                " them); gaps between rows that are kept: %s",
                self._called(i),
                cells.path,
                f"{without.sum():,}",
                f"{len(without):,}",
                f"{missing[self._reader.label].sum():,}",
                f"{_gaps(without):,}",
            )
        return found.take(~without)

    def _labels(self, rows: Sequence[Numbers]) -> list[Floats]:
        label, above = self._reader.label, self._reader.above
        if label in self._reader.categorical:
            index = {word: k for k, word in enumerate(self._levels(label, rows))}
            return [
                np.array([index[word] for word in own.words[label]], dtype=np.float64)
                for own in rows
            ]
        if above is None:
            return [own.numeric[label] for own in rows]
        return [(own.numeric[label] > above).astype(np.float64) for own in rows]

    def _levels(self, column: str, rows: Sequence[Numbers]) -> list[str | None]:
        """Categories of a column over all agents."""
        here = {word for own in rows for word in own.words[column]}
        return levels(set().union(*self._team.allgather([here])))

    def _imputed(
        self, names: Sequence[str], parts: Sequence[Sequence[Floats]]
    ) -> list[list[Floats]]:
        means, counts = self._means(parts, np.nansum, lambda x: np.isfinite(x).sum())
        for name, count in zip(names, counts, strict=True):
            if count == 0:
                raise ConfigurationError(
                    f"{self._reader.name}: column {name!r}: expected a value of some agent to take"
                    " the mean of, got none; drop the column"
                )
        return [
            [np.where(np.isnan(x), mean, x) for x, mean in zip(own, means, strict=True)]
            for own in parts
        ]

    def _standardized(
        self, parts: Sequence[Sequence[Floats]]
    ) -> tuple[list[list[Floats]], Floats, Floats]:
        """The columns with mean 0 and variance 1, what was taken off, and what they were over."""
        means, counts = self._means(parts, np.sum, len)
        centred = [[x - mean for x, mean in zip(own, means, strict=True)] for own in parts]
        variances, _ = self._means([[x**2 for x in own] for own in centred], np.sum, len)
        # A column of equal numbers has this variance at most, by rounding, as in scikit-learn.
        by_rounding = counts * _EPSILON * variances + (counts * means * _EPSILON) ** 2
        scales = np.where(variances > by_rounding, np.sqrt(variances), 1)
        scaled = [[x / scale for x, scale in zip(own, scales, strict=True)] for own in centred]
        return scaled, means, scales

    def _means(
        self,
        parts: Sequence[Sequence[Floats]],
        total: Callable[[Floats], float],
        number: Callable[[Floats], int],
    ) -> tuple[Floats, Floats]:
        """Means over all rows of all agents, from each agent's sums; and numbers of values."""
        mine = [np.array([[total(x) for x in own], [number(x) for x in own]]) for own in parts]
        sums, counts = np.sum(self._team.allgather(mine), axis=0)
        return sums / np.maximum(counts, 1), counts


def _gaps(without: NDArray[np.bool_]) -> int:
    """How many stretches of rows are left out between rows that are kept."""
    kept = np.flatnonzero(~without)
    return int((np.diff(kept) > 1).sum())


def _one_hot(
    rows: Sequence[Numbers], found: Mapping[str, Sequence[str | None]]
) -> list[list[Floats]]:
    """Columns of 0 and 1 for each category of each column."""
    return [
        [
            np.array([word == level for word in own.words[column]], float)
            for column, known in found.items()
            for level in known
        ]
        for own in rows
    ]


def _digest(rows: Numbers) -> str:
    words = repr(rows.words).encode()
    return digest(words, repr([*rows.numeric]).encode(), *rows.numeric.values())
