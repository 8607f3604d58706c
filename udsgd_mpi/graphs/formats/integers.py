"""Edge lists between whole numbers, however long."""

import warnings
from collections.abc import Iterable, Iterator
from io import TextIOWrapper
from typing import Any

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.graphs.formats.content import Content, without_comment
from udsgd_mpi.graphs.formats.edges import MOST_COLUMNS
from udsgd_mpi.graphs.formats.found import Found, NotOfFormat
from udsgd_mpi.graphs.formats.table import NO_ATTRIBUTES, between_spaces
from udsgd_mpi.support.natural_order import NUMBER

_DIGITS = frozenset("0123456789")


def read(content: Content) -> Found | None:
    """The edges, if all lines are two whole numbers, or these and one or two numbers more.

    None for any other file, and where such lines may be another thing than edges. Labels of a
    million nodes and ten million edges, as objects, would take ten gigabytes.

    Raises
    ------
    NotOfFormat
        If the first line may be an edge, or the numbers of nodes and edges.
    """
    first = _first_line(content)
    delimiter = next((mark for mark in ",;" if mark in first), None)
    words = [word.strip() for word in first.split(delimiter)]
    if not 2 <= len(words) <= MOST_COLUMNS or not all(map(NUMBER.fullmatch, words)):
        return None
    if len(words) == 2:
        table = _table(content, delimiter, np.int64)
        return None if table is None else _found(*_without_sizes(table))
    columns = [("i", np.int64), ("j", np.int64), ("w", np.float64), ("t", np.float64)]
    table = _table(content, delimiter, np.dtype(columns[: len(words)]))
    if table is None or _may_be_no_edges(table):
        return None
    ends = np.stack([table["i"], table["j"]], axis=1)
    return _found(ends, ("column 3" if len(words) == 3 else "columns 3 and 4",))


def _first_line(content: Content) -> str:
    try:
        with _lines(content) as lines:
            return next(_data(lines), "")
    except UnicodeDecodeError:
        return ""


def _lines(content: Content) -> TextIOWrapper:
    return TextIOWrapper(content.stream(), encoding="utf-8-sig")


def _table(content: Content, delimiter: str | None, number: Any) -> NDArray[Any] | None:
    """What the lines hold, if each of them has these numbers."""
    with _lines(content) as lines, warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)  # of a label like 1.5, cut to 1
        try:
            return np.loadtxt(
                _data(lines),
                dtype=number,
                comments=None,
                delimiter=delimiter,
                ndmin=2 if number is np.int64 else 1,
            )
        except (ValueError, DeprecationWarning):
            return None


def _data(lines: Iterable[str]) -> Iterator[str]:
    """Lines without comments, empty ones, and networkx's attributes that hold nothing."""
    for line in lines:
        if line[0] in _DIGITS and "#" not in line and "{" not in line:
            yield line
        elif data := without_comment(line):
            words = between_spaces(data)
            yield " ".join(words[:-1] if words[-1] == NO_ATTRIBUTES else words)


def _without_sizes(edges: NDArray[np.int64]) -> tuple[NDArray[np.int64], tuple[str, ...], Any]:
    """Edges without a first line that counts nodes and edges; what is dropped; all nodes then."""
    (n, m), rest = edges[0], edges[1:]
    if m != len(rest) or m == 0 or rest.min() < 0 or rest.max() > n or n > 2 * m + 1:
        return edges, (), None
    labels = np.unique(rest)
    if labels[0] == 0 and labels[-1] == n:
        return edges, (), None
    if n != m and np.isin(edges[0], labels).any():
        raise NotOfFormat(
            f"line 1 of data: expected an edge, got {n} {m}, which could also be the numbers of"
            " nodes and edges; remove it, begin it with #, or move it down"
        )
    first = 1 if labels[-1] == n else 0
    return rest, (f"a first line {n} {m} that counts nodes and edges",), np.arange(first, first + n)


def _may_be_no_edges(table: NDArray[Any]) -> bool:
    """Whether lines of three or four numbers may be neighbours of a node, or rows of a matrix."""
    columns = [table[name] for name in table.dtype.names or ()]
    if len(table) == len(columns):
        return True
    nodes = columns[0]
    return len(np.unique(nodes)) == len(nodes) and all(np.isin(c, nodes).all() for c in columns)


def _found(
    ends: NDArray[np.int64], dropped: tuple[str, ...], keys: NDArray[np.int64] | None = None
) -> Found:
    labels, places = np.unique(ends, return_inverse=True)
    if keys is not None:
        labels, places = keys, ends - keys[0]
    i, j = places.reshape(ends.shape).T
    return Found("edge list", labels, i, j, None, dropped)
