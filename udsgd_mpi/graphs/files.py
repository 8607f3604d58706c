"""Graph files: read in any of the known formats, written as edge lists."""

import logging
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.graphs import formats
from udsgd_mpi.graphs.csr import Graph
from udsgd_mpi.support.atomic_file import replace_file
from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.support.input_file import FileVersion

_log = logging.getLogger(__name__)


class InNaturalOrder(NamedTuple):
    """A graph, and what its nodes are called in the file.

    Attributes
    ----------
    form
        What the file was read as.
    """

    graph: Graph
    names: Sequence[str] | NDArray[np.int64]
    form: str


def read_graph(path: Path) -> Graph:
    """Undirected graph of a file, connected or not, its nodes renamed 0, …, n − 1.

    See ``read_named_graph``.
    """
    return read_named_graph(path).graph


def read_digraph(path: Path) -> Graph:
    """The same with the directions of its edges; undirected where all of them lead both ways."""
    return read_named_graph(path, directed=True).graph


def read_named_graph(path: Path, *, directed: bool = False) -> InNaturalOrder:
    """Graph of a file, connected or not, with the names of its nodes.

    Nodes that are numbers come in their order, and before others; names are sorted with the
    numbers in them by value, so that n2 comes before n10. What the graph leaves out, such as
    weights and directions, is logged once for each file.

    Parameters
    ----------
    path
        Of any of ``formats.FORMATS``, or plain text: see ``formats.plain``. gzip, bzip2 and xz
        are unpacked.
    directed
        Whether edges keep their directions.

    Raises
    ------
    ConfigurationError
        If the file is missing, is of no known format, may be read in several ways, or holds no
        edge.
    """
    return _read(path, FileVersion.of(path), directed=directed)


@lru_cache(maxsize=4)
def _read(path: Path, _version: FileVersion, *, directed: bool) -> InNaturalOrder:
    found = formats.read(path)
    graph, names = found.graph(directed=directed)
    if len(graph.neighbours) == 0:
        raise ConfigurationError(
            f"graph file {path}: expected at least one edge between two nodes, got none in what was"
            f" read as {found.form}"
        )
    if lost := found.lost(graph, directed=directed):
        _log.warning(
            "graph file %s, read as %s: dropped %s", path, found.form, in_one_line(", ".join(lost))
        )
    return InNaturalOrder(graph, names, found.form)


def in_one_line(name: object) -> str:
    """A name without what would begin a new line or move the cursor."""
    return "".join(c if c.isprintable() else " " for c in str(name))


def write_graph(graph: Graph, path: Path, made_by: str, names: Sequence[object] = ()) -> None:
    """Write an edge list that ``read_graph`` reads, with a comment on where it comes from.

    Of a directed graph ``read_digraph`` does, and the comment says so.

    Parameters
    ----------
    names
        What the nodes were called, for a comment on each.

    Raises
    ------
    OutputError
        If it can't be written.
    """
    edges = "".join(f"{i} {j}\n" for i, j in graph.to_networkx().edges)
    comments = "".join(f"# {i}: {in_one_line(name)}\n" for i, name in enumerate(names))
    kind = ", directed" if graph.directed else ""
    replace_file(path, f"# {len(graph)} nodes{kind}: {made_by}\n{comments}{edges}".encode())
