"""Adjacency lists: a node and its neighbours in each line."""

from collections import Counter

from udsgd_mpi.graphs.formats.found import Found, NotOfFormat, between_names
from udsgd_mpi.graphs.formats.table import NO_ATTRIBUTES, SOME_ATTRIBUTES, Table, excerpt


def read(table: Table, *, certain: bool) -> Found:
    """Each line is a node and its neighbours: all of them, or each edge in one line.

    Parameters
    ----------
    certain
        Whether the suffix says so; otherwise each node must have one line, with all of its
        neighbours.

    Raises
    ------
    NotOfFormat
        If some line is something else.
    """
    pairs = [(row[0], word) for row in table.rows for word in row[1:] if word]
    nodes = Counter(row[0] for row in table.rows)
    arcs = {(i, j) for i, j in pairs if i != j}
    mutual = sum((j, i) in arcs for i, j in arcs)
    if {NO_ATTRIBUTES, SOME_ATTRIBUTES} & {j for _, j in pairs}:
        raise NotOfFormat("expected names, got attributes in {}")
    if not certain:
        _check(table, nodes)
        if mutual < len(arcs) or not arcs:
            raise NotOfFormat("expected mutual neighbours")
    directed = True if 0 < mutual < len(arcs) else None
    return between_names("adjacency list", pairs, list(nodes), directed=directed)


def _check(table: Table, nodes: Counter[str]) -> None:
    """Refuse lines that are not one for each node."""
    for number, row in zip(table.numbers, table.rows, strict=True):
        if nodes[row[0]] > 1:
            raise NotOfFormat(
                f"line {number}: expected as many words as in line {table.numbers[0]}, or one line"
                f" for each node and its neighbours, got several of {row[0]!r}"
            )
        if len(set(row)) < len(row):
            raise NotOfFormat(
                f"line {number}: expected a node and its neighbours, each once, got {excerpt(row)}"
            )
        for word in row[1:]:
            if word not in nodes:
                raise NotOfFormat(
                    f"line {number}: expected as many words as in line {table.numbers[0]}, or one"
                    f" line for each node and its neighbours, got none of {word!r}"
                )
