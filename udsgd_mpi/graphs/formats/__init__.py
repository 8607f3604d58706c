"""Formats of graph files, recognised by suffix and content.

To add one, write its reader and name it in ``FORMATS``.
"""

import re
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from lzma import LZMAError
from pathlib import Path

from udsgd_mpi.graphs.formats import dimacs, matrix, metis, of_networkx, plain
from udsgd_mpi.graphs.formats.content import Content
from udsgd_mpi.graphs.formats.found import Found, NotOfFormat
from udsgd_mpi.support.errors import ConfigurationError


@dataclass(frozen=True)
class Format:
    """A format with a mark by which it is known.

    Attributes
    ----------
    suffixes
        Of files that are of this format; others may be, too.
    mark
        What the first lines look like; None where only the suffix decides.
    """

    name: str
    suffixes: tuple[str, ...]
    mark: re.Pattern[bytes] | None
    read: Callable[[Content], Found]


def _mark(pattern: bytes) -> re.Pattern[bytes]:
    return re.compile(rb"(?:\xef\xbb\xbf)?" + pattern, re.IGNORECASE | re.DOTALL)


_XML = rb"\s*(?:<\?xml.*?\?>|<!--.*?-->|<!DOCTYPE[^>]*>|\s)*"
_GML = rb"(?:\s|#[^\n]*\n|(?:creator|version|comment)\b[^\n]*\n)*graph\s*\["
_PAJEK = rb"(?:\s|%[^\n]*\n)*\*(?:network|vertices)"
_DIMACS = rb"(?:\s|c\b[^\n]*\n)*p\s+\w+\s+\d+\s+\d+\s*\n"
FORMATS = (
    Format(
        "GraphML", (".graphml",), _mark(_XML + rb"<(?:\w+:)?graphml\b"), of_networkx.read_graphml
    ),
    Format("GEXF", (".gexf",), _mark(_XML + rb"<(?:\w+:)?gexf\b"), of_networkx.read_gexf),
    Format("GML", (".gml",), _mark(_GML), of_networkx.read_gml),
    Format("node-link JSON", (".json",), _mark(rb"\s*[{\[]"), of_networkx.read_json),
    Format("Pajek", (".net", ".paj"), _mark(_PAJEK), of_networkx.read_pajek),
    Format("MatrixMarket", (".mtx",), _mark(rb"%%MatrixMarket\b"), matrix.read_matrix_market),
    Format("NumPy matrix", (".npy",), _mark(rb"\x93NUMPY"), matrix.read_npy),
    Format("SciPy sparse matrix", (".npz",), _mark(rb"PK\x03\x04"), matrix.read_npz),
    Format("DIMACS", (".dimacs", ".col", ".gr"), _mark(_DIMACS), dimacs.read),
    Format("METIS", (".graph", ".metis"), None, metis.read),
)
_PLAIN = "edge list (also CSV or TSV), adjacency list, adjacency matrix"
KNOWN = f"{_PLAIN}, {', '.join(f.name for f in FORMATS)}; each also as .gz, .bz2 or .xz"
# Other formats, refused by name since some of them would pass for an edge list.
_OTHERS = {
    "a DOT graph": _mark(rb"\s*(?:strict\s+)?(?:di)?graph\b[^\[\n]*\{"),
    "GDF": _mark(rb"\s*nodedef\s*>"),
    "UCINET DL": _mark(rb"\s*dl\s+n\s*="),
    "a web page": _mark(rb"\s*<(?:!DOCTYPE html|html)"),
    "XML of another kind": _mark(rb"\s*<\?xml"),
    "graph6 or sparse6": _mark(rb">>(?:graph|sparse|digraph)6<<"),
    "a pointer of Git LFS": _mark(rb"version https://git-lfs"),
}


def read(path: Path) -> Found:
    """Nodes and edges of a graph file.

    Raises
    ------
    ConfigurationError
        If it can't be read, or is of no known format; says on which line and what was expected.
    """
    try:
        content = Content(path)
        return _reader(content)(content)
    except NotOfFormat as error:
        raise ConfigurationError(f"graph file {path}: {error}. Formats: {KNOWN}") from error
    except (EOFError, zlib.error, LZMAError) as error:
        raise ConfigurationError(f"graph file {path}: expected a complete file; {error}") from error
    except OSError as error:
        raise ConfigurationError(
            f"graph file {path}: cannot be read ({error.strerror or error})"
        ) from error


def _reader(content: Content) -> Callable[[Content], Found]:
    """The reader of the one format that a file is of."""
    marked = [f for f in FORMATS if f.mark and f.mark.match(content.head)]
    meant = [f for f in FORMATS if content.suffix in f.suffixes]
    for found in meant:
        if found.mark and found not in marked:
            other = f", got {marked[0].name}" if marked else ""
            raise NotOfFormat(f"line 1: expected {found.name}, as {content.suffix} says{other}")
    for name, mark in _OTHERS.items():
        if not marked and mark.match(content.head):
            raise NotOfFormat(f"line 1: expected a known format, got {name}")
    if marked and content.suffix in plain.SUFFIXES:
        raise NotOfFormat(
            f"line 1: expected plain text, as {content.suffix} says, got {marked[0].name}"
        )
    chosen = (meant or marked)[:1]
    return _guarded(chosen[0]) if chosen else plain.read


def _guarded(chosen: Format) -> Callable[[Content], Found]:
    """A reader of another package's, whose errors are of many kinds."""

    def read_it(content: Content) -> Found:
        try:
            return chosen.read(content)
        except (NotOfFormat, OSError, EOFError, zlib.error, LZMAError):
            raise
        except Exception as error:
            said = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
            raise NotOfFormat(f"expected a complete {chosen.name}; {said}") from error

    return read_it
