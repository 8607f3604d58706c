"""A graph file gives the graph that it holds, or is refused; never is it taken for another one."""

import bz2
import gzip
import lzma
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.graph_files import (
    EDGES,
    GRAPHML,
    K3,
    K3_OF_3,
    PATH_OF_3,
    RING_OF_8,
    TITLES,
    Edges,
    edges_in,
    lines,
)
from udsgd_mpi.support.errors import ConfigurationError

# Name of the file, what it holds, and its edges; or what the message must say.
ADVERSARIAL: dict[str, tuple[str, str | bytes, Edges | str]] = {
    "a byte-order mark": ("g.txt", b"\xef\xbb\xbf" + EDGES.encode(), RING_OF_8),
    "a byte-order mark before GML": (
        "g.gml",
        b"\xef\xbb\xbfgraph [ node [ id 0 ] node [ id 1 ] edge [ source 0 target 1 ] ]",
        {frozenset("01")},
    ),
    "UTF-16": ("g.txt", EDGES.encode("utf-16"), "UTF-16"),
    "UTF-32": ("g.txt", EDGES.encode("utf-32"), "UTF-32"),
    "Latin-1": ("g.txt", "a b\nb ä\nä a\n".encode("latin-1"), "line 2: expected UTF-8"),
    "NUL": ("g.txt", "0 1\n1 2\0\n", "line 2: expected text, got the byte 0x00"),
    "Windows": ("g.txt", EDGES.replace("\n", "\r\n"), RING_OF_8),
    "an old Macintosh": ("g.txt", EDGES.replace("\n", "\r"), RING_OF_8),
    "spaces and tabs": ("g.txt", EDGES.replace(" ", " \t ").replace("\n", " \t\n"), RING_OF_8),
    "no newline at the end": ("g.txt", EDGES.rstrip(), RING_OF_8),
    "empty lines": ("g.txt", EDGES.replace("\n", "\n\n \n"), RING_OF_8),
    "comments": (
        "g.txt",
        "# a\n% b c\n// d\n" + EDGES.replace("\n", "  # x\n", 2),
        RING_OF_8,
    ),
    "a hash in a number": (
        "g.txt",
        "0 1#x\n1#x 2\n2 0\n",
        {frozenset(e) for e in [("0", "1#x"), ("1#x", "2"), ("2", "0")]},
    ),
    "a comment after commas": ("g.csv", "0,1\n1,2 # x\n", PATH_OF_3),
    "a comment, or a name": ("g.csv", "a,b\nb,c # x\n", "line 2: expected # at the start"),
    "commas": ("g.txt", EDGES.replace(" ", ","), RING_OF_8),
    "commas and spaces": ("g.txt", EDGES.replace(" ", " , "), RING_OF_8),
    "commas in one line": ("g.txt", "0 1\n1,2\n2 0\n", "line 2: expected an edge, 2 words"),
    "a comma after a name": ("g.txt", "a, b\nb, c\nc, a\n", K3),
    "the first row of a matrix": ("g.txt", "0 1 1 0 0 1\n", "a time at most, got 6 words"),
    "rows of a matrix": ("g.txt", "0 1 1 0 0 1\n1 0 1 1 0 0\n1 1 0 0 1 1\n", "got 6 words"),
    "two rows of a matrix": ("g.txt", "0 1 1 0 1\n1 0 1 1 0\n", "got 5 words"),
    "decimal commas": ("g.txt", "1,5 2,5\n2,5 3,5\n3,5 1,5\n", "different graphs"),
    "commas and semicolons": ("g.txt", "1,5;2,5\n2,5;3,5\n3,5;1,5\n", "different graphs"),
    "decimal commas in a CSV with semicolons": ("g.csv", "1,5;2,5\n2,5;3,5\n", "different graphs"),
    "spaces in names and commas": (
        "g.txt",
        "a x,b\nb,c x\n",
        {frozenset(("a x", "b")), frozenset(("b", "c x"))},
    ),
    "spaces or commas": ("g.txt", "a x,b\na x,c\n", "different graphs"),
    "titles": ("g.csv", "Source,Target\na,b\nb,c\nc,a\n", K3),
    "titles before numbers": (
        "g.csv",
        TITLES,
        {frozenset("12"), frozenset("23")},
    ),
    "titles in words": ("g.txt", "source target\n0 1\n1 2\n2 0\n", K3_OF_3),
    "titles or an edge": (
        "g.csv",
        "person,friend\na,b\nb,c\nc,a\n",
        "line 1: expected an edge, or",
    ),
    "no titles": ("g.csv", "source,target\ntarget,sink\nsink,source\n", 3 * "x"),
    "titles of Gephi": (
        "g.csv",
        "Source,Target,Type,Label\na,b,Undirected,x y\nb,c,Undirected,\nc,a,Directed,z\n",
        K3,
    ),
    "an index": ("g.csv", ",source,target\n0,a,b\n1,b,c\n2,c,a\n", K3),
    "quotes that do not end": ("g.csv", 'a,"b\nb,c\n', "line 1"),
    "quotes between spaces": ("g.txt", '"a" b\na b\n', "line 1: expected a name"),
    "a weight": ("g.txt", "0 1 0.5\n1 2 2\n2 0 1e-3\n", K3_OF_3),
    "a weight and a time": ("g.txt", "0 1 0.5 9\n1 2 2 1300000000\n2 0 1 1\n", K3_OF_3),
    "weights that are nodes": ("g.txt", "0 1 4\n1 0 2\n2 1 3\n3 2 4\n4 3 0\n", "different graphs"),
    "weights of an edge list": (
        "g.edgelist",
        "0 1 4\n1 0 2\n2 1 3\n3 2 4\n4 3 0\n",
        {frozenset((str(i), str(i + 1))) for i in range(4)},
    ),
    "a word too many": ("g.txt", "0 1\n1 2 x\n2 0\n", "line 2"),
    "a weight too many": ("g.txt", "0 1\n1 2 5\n2 0\n", "line 2"),
    "a word too few": (
        "g.txt",
        "0 1\n1\n2 0\n",
        "line 2: expected an edge, 2 words as in line 1, got 1",
    ),
    "names of two words": (
        "g.txt",
        "New York Boston\nBoston New York\n",
        "line 1: expected two names",
    ),
    "a hash in a name": ("g.txt", "u#1 u#2\nu#2 u#3\nu#3 u#1\n", 3 * "x"),
    "one name a line": ("g.txt", "0\n1\n2\n", "line 1"),
    "nothing": ("g.txt", "", "at least one edge"),
    "comments alone": ("g.txt", "# 3 nodes\n", "at least one edge"),
    "self-loops alone": ("g.txt", "0 0\n1 1\n", "at least one edge"),
    "a self-loop": ("g.txt", EDGES + "3 3\n", RING_OF_8),
    "edges again": ("g.txt", EDGES + "1 0\n0 1\n", RING_OF_8),
    "floats of numpy": (
        "g.txt",
        "0.000e+00 1.000e+00\n1.000e+00 2.000e+00\n",
        {frozenset(("0.000e+00", "1.000e+00")), frozenset(("1.000e+00", "2.000e+00"))},
    ),
    "1 and 1.0": ("g.txt", "1 2\n2 3\n3 1.0\n", "expected one name for a node, got '1' and '1.0'"),
    "1 and 01 beside names": ("g.txt", "1 a\na 01\n", "'1' and '01'"),
    "negative numbers": (
        "g.txt",
        "-1 1\n1 2\n2 -1\n",
        {frozenset(e) for e in [("-1", "1"), ("1", "2"), ("2", "-1")]},
    ),
    "numbers near 2^60": (
        "g.txt",
        f"{2**60} {2**60 + 1}\n{2**60 + 1} 3\n",
        {frozenset((str(2**60), str(2**60 + 1))), frozenset((str(2**60 + 1), "3"))},
    ),
    "numbers beyond 64 bits": (
        "g.txt",
        f"{2**70} {2**70 + 1}\n{2**70 + 1} 3\n",
        {frozenset((str(2**70), str(2**70 + 1))), frozenset((str(2**70 + 1), "3"))},
    ),
    "a number of 5000 digits": ("g.txt", f"{'9' * 5000} a\n", {frozenset(("9" * 5000, "a"))}),
    "numbers of nodes and edges, or an edge": (
        "g.txt",
        "5 4\n4 3\n3 2\n2 1\n1 5\n",
        "could also be the numbers of nodes and edges",
    ),
    "numbers of nodes and edges": ("g.txt", f"8 9\n{EDGES}0 2\n", {*RING_OF_8, frozenset("02")}),
    "the same, with a number that is a node": (
        "g.txt",
        "9 8\n" + EDGES.replace("7 0", "7 8"),
        "could also be the numbers of nodes and edges",
    ),
    "as many nodes as edges": ("g.txt", "8 8\n" + EDGES, RING_OF_8),
    "a number of nodes": ("g.txt", "8\n" + EDGES, "line 1"),
    "a matrix of 2 rows": ("g.txt", "0 1\n1 0\n", {frozenset("01")}),
    "a matrix of 3 rows": ("g.txt", "0 1 0\n1 0 1\n0 1 0\n", PATH_OF_3),
    "a matrix with weights": ("g.txt", "0 2 0\n2 0 3\n0 3 0\n", "different graphs"),
    "a matrix that says so": ("g.matrix", "0 2 0\n2 0 3\n0 3 0\n", PATH_OF_3),
    "a matrix of one triangle": ("g.txt", "0 1 0\n0 0 1\n0 0 0\n", PATH_OF_3),
    "a matrix that is not square": (
        "g.matrix",
        "0 1 0\n1 0 1\n",
        "line 1: expected a row of a square",
    ),
    "NaN in a matrix": (
        "g.matrix",
        "0 nan 0\n1 0 1\n0 1 0\n",
        "line 1: expected numbers, got 'nan'",
    ),
    "each edge at one of its ends": ("g.txt", "0 1\n1 2\n2\n", "line 3"),
    "each edge at one of its ends, as the suffix says": ("g.adjlist", "0 1\n1 2\n2\n", PATH_OF_3),
    "all neighbours of two": ("g.txt", "0 1 2\n1 2 0\n2 0 1\n", "different graphs"),
    "all neighbours of two in a longer ring": (
        "g.adjlist",
        "0 1 3\n1 0 2\n2 1 3\n3 2 0\n",
        {frozenset((str(i), str((i + 1) % 4))) for i in range(4)},
    ),
    "neighbours without a line": ("g.txt", "0 1 2 3\n1 2\n", "line 1: expected an edge"[:6]),
    "neighbours that are not mutual": ("g.txt", "0 1 2\n1 0\n2\n", "line 2"),
    "a multi-line adjacency list": ("g.txt", "0 2\n1 {}\n2 {}\n1 1\n2 {}\n2 0\n", "line"),
    "JSON of another kind": ("g.json", '{"adjacency": [[1], [0]]}', "node-link data"),
    "JSON in an edge list": ("g.edgelist", '{"nodes": [], "links": []}', "expected plain text"),
    "JSON with an edge to nowhere": (
        "g.json",
        '{"nodes": [{"id": 0}, {"id": 1}], "links": [{"source": 0, "target": "1"}]}',
        "the 2 nodes that it lists",
    ),
    "JSON with two nodes of one name": (
        "g.json",
        '{"nodes": [{"id": 0}, {"id": "0"}], "links": [{"source": 0, "target": "0"}]}',
        "distinct names",
    ),
    "deep JSON": ("g.json", "[" * 100_000, "complete node-link JSON"),
    "GML by its suffix alone": ("g.gml", EDGES, "line 1: expected GML, as .gml says"),
    "GraphML by its suffix alone": ("g.graphml", "<html></html>", "line 1: expected GraphML"),
    "half of GraphML": ("g.graphml", "<graphml><graph>", "complete GraphML"),
    "two graphs in GraphML": (
        "g.graphml",
        GRAPHML.format('<node id="a"/></graph><graph>'),
        "expected one graph, got 2",
    ),
    "GraphML with an edge to nowhere": (
        "g.graphml",
        GRAPHML.format('<node id="a"/><node id="b"/><edge source="a" target="c"/>'),
        "the 2 nodes that it lists",
    ),
    "Pajek without names": (
        "g.net",
        "*Vertices 3\n*Edges\n1 2\n2 3\n3 1\n",
        {frozenset(e) for e in [("1", "2"), ("2", "3"), ("3", "1")]},
    ),
    "Pajek with two vertices of one name": (
        "g.net",
        '*Vertices 3\n1 "a"\n2 "a"\n3 "b"\n*Edges\n1 3\n2 3\n',
        "under distinct names",
    ),
    "Pajek with an edge to nowhere": ("g.net", "*Vertices 2\n*Edges\n1 2\n2 3\n", "the 2 nodes"),
    "Pajek with lists of arcs": ("g.net", "*Vertices 3\n*Arcslist\n1 2 3\n", "*arcslist"),
    "MatrixMarket of a bipartite graph": (
        "g.mtx",
        "%%MatrixMarket matrix coordinate pattern general\n2 3 2\n1 1\n2 3\n",
        "square",
    ),
    "MatrixMarket cut off": (
        "g.mtx",
        "%%MatrixMarket matrix coordinate pattern symmetric\n3 3 3\n2 1\n",
        "complete MatrixMarket",
    ),
    "MatrixMarket with a last line that holds more and does not end": (
        "g.mtx",
        "%%MatrixMarket matrix coordinate pattern symmetric\n3 3 2\n2 1äß",
        "line 3: expected numbers",
    ),
    "MatrixMarket without its first line": (
        "g.mtx",
        "3 3 2\n2 1\n3 2\n",
        "line 1: expected MatrixM",
    ),
    "METIS with an edge at one end": ("g.graph", "3 2\n2\n3\n2\n", "at both of its ends"),
    "METIS with too few lines": ("g.graph", "4 2\n2\n1\n", "a line for each of 4 nodes"),
    "DIMACS with too few edges": ("g.col", "p edge 3 3\ne 1 2\ne 2 3\n", "got 2"),
    "a thousand million nodes in METIS": ("g.graph", "999999999 1\n2\n1\n", "a line for each"),
    "a thousand million nodes in DIMACS": (
        "g.col",
        "p edge 999999999 1\ne 1 2\n",
        "by edges",
    ),
    "a thousand million nodes in Pajek": (
        "g.net",
        "*Vertices 999999999\n*Edges\n",
        "by edges",
    ),
    "a thousand million nodes in MatrixMarket": (
        "g.mtx",
        "%%MatrixMarket matrix coordinate pattern symmetric\n999999999 999999999 1\n2 1\n",
        "by edges",
    ),
    "DOT": ("g.dot", "graph {\n a -- b\n}\n", "got a DOT graph"),
    "GDF": ("g.gdf", "nodedef>name VARCHAR\na\nb\nedgedef>a,b\na,b\n", "got GDF"),
    "a web page": ("g.txt", "<!DOCTYPE html>\n<p> x\n", "got a web page"),
    "other XML": ("g.xml", '<?xml version="1.0"?>\n<a> b\n', "got XML of another kind"),
    "half of a gzip": (
        "g.txt.gz",
        gzip.compress(EDGES.encode() * 9, mtime=0)[:40],
        "complete file",
    ),
    "half of a bzip2": (
        "g.txt.bz2",
        bz2.compress(EDGES.encode() * 9)[:40],
        "complete file",
    ),
    "half of an xz": (
        "g.txt.xz",
        lzma.compress(EDGES.encode() * 9)[:40],
        "complete file",
    ),
    "a pickle": ("g.npy", b"\x93NUMPY\x01\x00\x0e\x00{'descr':'|O'}", "complete NumPy matrix"),
    "another zip": ("g.npz", b"PK\x03\x04zip", "complete SciPy sparse matrix"),
    "prose": ("g.txt", "one edge list\nwith spaces\n", "line 1"),
}
ADVERSARIAL["no titles"] = (
    *ADVERSARIAL["no titles"][:2],
    {frozenset(e) for e in [("source", "target"), ("target", "sink"), ("sink", "source")]},
)
ADVERSARIAL["a hash in a name"] = (
    *ADVERSARIAL["a hash in a name"][:2],
    {frozenset(e) for e in [("u#1", "u#2"), ("u#2", "u#3"), ("u#3", "u#1")]},
)


@pytest.mark.parametrize("case", ADVERSARIAL)
def test_right_or_refused(case: str, tmp_path: Path) -> None:
    name, content, expected = ADVERSARIAL[case]
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    if isinstance(expected, str):
        with pytest.raises(ConfigurationError) as refused:
            edges_in(path)
        message = str(refused.value)
        assert message.startswith(f"graph file {path}: ")
        assert expected in message
    else:
        assert edges_in(path) == expected


WORD = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=4)


@given(data=st.data())
@settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_any_edges_are_read_as_they_are_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    names = data.draw(st.lists(WORD | st.integers(-9, 99).map(str), min_size=2, max_size=6))
    chosen = st.tuples(st.sampled_from(names), st.sampled_from(names))
    ends = data.draw(st.lists(chosen, min_size=1, max_size=8))
    mark = data.draw(st.sampled_from([" ", "\t", ",", ";", "  ", ", "]))
    path = tmp_path / f"g{data.draw(st.sampled_from(['.txt', '.csv', '.edgelist', '.tsv', '']))}"
    path.write_text(lines([list(edge) for edge in ends], mark))
    try:
        found = edges_in(path)
    except ConfigurationError:
        return
    assert found == {frozenset(edge) for edge in ends if len(set(edge)) == 2}
