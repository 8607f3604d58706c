"""Edge lists in plain text, and tables of edges with titles."""

import re

from udsgd_mpi.graphs.formats.found import Found, NotOfFormat, between_names
from udsgd_mpi.graphs.formats.table import NO_ATTRIBUTES, SOME_ATTRIBUTES, Table, excerpt
from udsgd_mpi.support.natural_order import as_number

_SOURCES = {"source", "src", "from", "fromnode", "tail", "start", "node1", "user1", "nodei"}
_TARGETS = {"target", "dst", "to", "tonode", "head", "end", "node2", "user2", "nodej"}

MOST_COLUMNS = 4  # without titles: ends, weight and time; more may be a row of a matrix


def read(table: Table) -> Found:
    """An edge in each line: two names, then numbers; or what titles in the first line say.

    Raises
    ------
    NotOfFormat
        If some line is something else.
    """
    width = len(table.rows[0])
    for number, row in zip(table.numbers, table.rows, strict=True):
        if len(row) != width or width < 2:
            wanted = "two words" if width < 2 else f"{width} words as in line {table.numbers[0]}"
            raise NotOfFormat(
                f"line {number}: expected an edge, {wanted}, got {len(row)}: {excerpt(row)}"
            )
    ends, titles = _titles(table)
    if titles is None and width > MOST_COLUMNS:
        raise NotOfFormat(
            f"line {table.numbers[0]}: expected an edge, two names and then a weight and a time at"
            f" most, got {width} words: {excerpt(table.rows[0])}; begin with a line of titles,"
            " source and target among them, if there are more columns"
        )
    first = 0 if titles is None else 1
    rows = table.rows[first:]
    others = [k for k in range(width) if k not in ends]
    for number, row in zip(table.numbers[first:], rows, strict=True):
        for k in ends:
            quoted = table.mark == " " and row[k][0] in "\"'"
            if not row[k] or quoted or row[k] in (NO_ATTRIBUTES, SOME_ATTRIBUTES):
                raise NotOfFormat(f"line {number}: expected a name as word {k + 1}, got {row[k]!r}")
        for k in others if titles is None else ():
            if as_number(row[k]) is None and row[k] not in ("", NO_ATTRIBUTES, SOME_ATTRIBUTES):
                raise NotOfFormat(
                    f"line {number}: expected two names and then numbers, got {row[k]!r} as word"
                    f" {k + 1}; names with spaces need tabs between them, or commas and quotes"
                )
    told = [k for k in others if any(row[k] != NO_ATTRIBUTES for row in rows)]
    dropped = [f"column {(titles[k] if titles else '') or k + 1}" for k in told]
    pairs = [(row[ends[0]], row[ends[1]]) for row in rows]
    return between_names("edge list", pairs, dropped=tuple(dropped))


def _titles(table: Table) -> tuple[tuple[int, int], list[str] | None]:
    """Columns of the ends of edges, and the titles if the first row is these.

    Raises
    ------
    NotOfFormat
        If the first row may be titles or an edge.
    """
    first, rest = table.rows[0], table.rows[1:]
    plain = [re.sub(r"[^a-z0-9]|id$", "", word.lower()) for word in first]
    sources = [k for k, title in enumerate(plain) if title in _SOURCES]
    targets = [k for k, title in enumerate(plain) if title in _TARGETS]
    if not rest or any(as_number(word) is not None for word in first[:2]):
        return (0, 1), None
    if sources and targets:
        ends = sources[0], targets[0]
        if not {first[k] for k in ends} & {row[k] for row in rest for k in ends}:
            return ends, first
    known = {row[k] for row in rest for k in (0, 1)}
    if set(first[:2]) & known:
        return (0, 1), None
    if len(first) == 2 and all(as_number(name) is not None for name in known):
        return (0, 1), first
    raise NotOfFormat(
        f"line {table.numbers[0]}: expected an edge, or the titles source and target, got"
        f" {excerpt(first)}, names that no other line has; call the columns source and target,"
        " begin the line with # if it is no edge, or move it down if it is one"
    )
