"""Graph files that networkx reads."""

import warnings
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from udsgd_mpi.atomic_file import replace_file
from udsgd_mpi.errors import ConfigurationError
from udsgd_mpi.file_version import FileVersion
from udsgd_mpi.graphs.csr import Graph
from udsgd_mpi.lazy import lazy

if TYPE_CHECKING:
    import networkx as nx
else:
    nx = lazy("networkx")


def read_graph(path: Path) -> Graph:
    """Undirected graph of a file, connected or not, its nodes renamed 0, …, n − 1.

    Labels that are all integers keep their numerical order; others are sorted as text.

    Parameters
    ----------
    path
        GML or GraphML by suffix, otherwise an edge list with ``#`` comments; ``.gz`` and
        ``.bz2`` are unpacked.

    Raises
    ------
    ConfigurationError
        If the file is missing, is not of its format, or holds no edge.
    """
    return _read(path, FileVersion.of(path))


@lru_cache(maxsize=4)
def _read(path: Path, _version: FileVersion) -> Graph:
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix not in {".gz", ".bz2"}]
    try:
        if suffixes[-1:] == [".gml"]:
            graph = nx.read_gml(path, label="id")
        elif suffixes[-1:] == [".graphml"]:
            graph = nx.read_graphml(path)
        else:
            found = _edges_between_integers(path)
            if found is not None:
                return found
            graph = nx.read_edgelist(path, data=False)
    except OSError as error:
        raise ConfigurationError(
            f"graph file {path}: cannot be read ({error.strerror or error})"
        ) from error
    except (nx.NetworkXException, ValueError, TypeError, KeyError, EOFError, SyntaxError) as error:
        raise ConfigurationError(
            f"graph file {path}: expected {suffixes[-1:] or ['an edge list']}, got something"
            f" that does not parse: {error}"
        ) from error
    if graph.number_of_edges() == 0:
        raise ConfigurationError(f"graph file {path}: expected at least one edge, got none")
    return Graph.compressed(nx.Graph(graph), sorted(graph, key=_order))


def _edges_between_integers(path: Path) -> Graph | None:
    """Graph of an edge list whose labels are all integers; None for any other file.

    Labels of a million nodes and ten million edges, as objects, would take ten gigabytes.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # of a file without data
            warnings.simplefilter("error", DeprecationWarning)  # of a label like 1.5, cut to 1
            edges = np.loadtxt(path, dtype=np.int64, usecols=(0, 1), ndmin=2)
    except (ValueError, EOFError, DeprecationWarning):
        return None
    if len(edges) == 0:
        return None
    labels, ends = np.unique(edges, return_inverse=True)
    return Graph.of_edges(len(labels), *ends.reshape(edges.shape).T)


def write_graph(graph: Graph, path: Path, made_by: str) -> None:
    """Write an edge list that ``read_graph`` reads, with a comment on where it comes from.

    Raises
    ------
    OutputError
        If it can't be written.
    """
    edges = "".join(f"{i} {j}\n" for i, j in graph.to_networkx().edges)
    replace_file(path, f"# {len(graph)} nodes: {made_by}\n{edges}".encode())


def _order(label: object) -> tuple[bool, int, str]:
    text = str(label)
    return (False, int(text), "") if text.lstrip("-").isdecimal() else (True, 0, text)
