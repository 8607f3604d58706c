"""Plain text: edge lists, adjacency lists and matrices, recognised by their lines.

A text is read in every way in which it makes sense. Where these ways lead to one graph, that is
it; where to several, the suffix decides, and a file whose suffix does not is refused.
"""

import re
from typing import NamedTuple

import numpy as np

from udsgd_mpi.graphs.formats import edges, integers, neighbours
from udsgd_mpi.graphs.formats.content import Content
from udsgd_mpi.graphs.formats.found import Found, NotOfFormat
from udsgd_mpi.graphs.formats.matrix import of_matrix
from udsgd_mpi.graphs.formats.table import MARKS, Table
from udsgd_mpi.support.natural_order import as_number

_EDGES, _NEIGHBOURS, _MATRIX = "edge list", "adjacency list", "adjacency matrix"
_ALL = (_EDGES, _NEIGHBOURS, _MATRIX)


class _Suffix(NamedTuple):
    """What a suffix says of a plain text: its forms, and what may stand between words."""

    forms: tuple[str, ...] = _ALL
    marks: str = "".join(MARKS)


SUFFIXES = {
    ".edgelist": _Suffix((_EDGES,)),
    ".edges": _Suffix((_EDGES,)),
    ".adjlist": _Suffix((_NEIGHBOURS,)),
    ".matrix": _Suffix((_MATRIX,)),
    ".csv": _Suffix((_EDGES, _MATRIX), ",;\t"),
    ".tsv": _Suffix((_EDGES, _MATRIX), "\t"),
}


def read(content: Content) -> Found:
    """The graph of a plain text.

    Raises
    ------
    NotOfFormat
        If it cannot be read, or can be read as several graphs; names the line.
    """
    suffix = SUFFIXES.get(content.suffix, _Suffix())
    if _EDGES in suffix.forms and (found := integers.read(content)):
        return found
    if not content.lines:
        raise NotOfFormat("expected at least one edge, got an empty file")
    readings: list[tuple[Table, Found]] = []
    reasons: list[str] = []
    for mark in suffix.marks:
        for form in suffix.forms:
            try:
                if table := Table.of(content.lines, mark):
                    readings.append((table, _read(form, table, certain=len(suffix.forms) == 1)))
            except NotOfFormat as reason:
                reasons.append(str(reason))
    readings = _sensible(content.lines, readings)
    if not readings:
        marks = " or ".join(MARKS[mark] for mark in suffix.marks)
        number, line = content.lines[0]
        raise NotOfFormat(
            (reasons or [f"line {number}: expected {marks} between words, got {line[:40]!r}"])[0]
        )
    if len({_as_sets(found) for _, found in readings}) > 1:
        ways = " or ".join(f"{found.form} with {MARKS[t.mark]}" for t, found in readings)
        raise NotOfFormat(
            f"expected text that can be read in only one way, got {ways}, which give different"
            f" graphs; give it a suffix that says which: {', '.join(SUFFIXES)}"
        )
    return readings[0][1]


def _read(form: str, table: Table, *, certain: bool) -> Found:
    if form == _EDGES:
        return edges.read(table)
    if form == _NEIGHBOURS:
        return neighbours.read(table, certain=certain)
    return _matrix(table, certain=certain)


def _matrix(table: Table, *, certain: bool) -> Found:
    n = len(table.rows)
    for number, row in zip(table.numbers, table.rows, strict=True):
        if len(row) != n or (n < 3 and not certain):
            raise NotOfFormat(
                f"line {number}: expected a row of a square matrix, {n} numbers, got {len(row)}"
            )
        for word in row:
            if as_number(word) is None:
                raise NotOfFormat(f"line {number}: expected numbers, got {word!r}")
    return of_matrix(_MATRIX, np.array(table.rows, dtype=np.float64))


def _sensible(
    lines: list[tuple[int, str]], readings: list[tuple[Table, Found]]
) -> list[tuple[Table, Found]]:
    """Without the readings that another one explains away."""
    matrices = [(table, found) for table, found in readings if found.form == _MATRIX]
    if matrices:
        words = {word for _, line in lines for word in re.split(r"[ \t,;]+", line) if word}
        if len(lines) > edges.MOST_COLUMNS or all(as_number(w) in (0, 1) for w in words):
            readings = matrices  # as edges they would join nodes 0 and 1 alone
    for mark in {table.mark for table, _ in readings} - {" "}:
        # Spaces beside a mark belong to it, and those in quotes to names.
        explained = re.compile(rf'"[^"]*"|[ \t]*{re.escape(mark)}[ \t]*')
        if not any(re.search(r"[ \t]", explained.sub("", line)) for _, line in lines):
            return [(table, found) for table, found in readings if table.mark != " "]
    return readings


def _as_sets(found: Found) -> tuple[frozenset[str], frozenset[frozenset[str]]]:
    """Nodes and edges by name."""
    names = [str(key) for key in found.keys]
    ends = zip(found.tails.tolist(), found.heads.tolist(), strict=True)
    return frozenset(names), frozenset(frozenset((names[i], names[j])) for i, j in ends if i != j)
