"""Graphs in files, and their edges as they are read back."""

from pathlib import Path

import networkx as nx

from udsgd_mpi.graphs.files import read_named_graph

Edges = set[frozenset[str]]
RING = [(str(i), str((i + 1) % 8)) for i in range(8)]
RING_OF_8 = {frozenset(edge) for edge in RING}


def edges_in(path: Path) -> Edges:
    """The edges of a file by the names of their ends."""
    graph, names, _ = read_named_graph(path)
    arcs = zip(graph.offsets, graph.offsets[1:], strict=False)
    return {
        frozenset((str(names[i]), str(names[j])))
        for i, (first, end) in enumerate(arcs)
        for j in graph.neighbours[first:end].tolist()
    }


def order_in(path: Path) -> list[str]:
    return [str(name) for name in read_named_graph(path).names]


def as_edges(graph: nx.Graph, first: int = 0) -> Edges:
    return {frozenset((str(i + first), str(j + first))) for i, j in graph.edges}


def lines(rows: list[list[object]], mark: str = " ") -> str:
    return "".join(mark.join(map(str, row)) + "\n" for row in rows)


TITLES = "person;friend\n1;2\n2;3\n"
GRAPHML = (
    '<graphml xmlns="http://graphml.graphdrawing.org/xmlns">'
    '<graph edgedefault="directed">{}</graph></graphml>'
)
TRIANGLE = [("a", "b"), ("b", "c"), ("c", "a")]
K3 = {frozenset(edge) for edge in TRIANGLE}
K3_OF_3 = {frozenset(edge) for edge in [("0", "1"), ("1", "2"), ("0", "2")]}
PATH_OF_3 = {frozenset(edge) for edge in [("0", "1"), ("1", "2")]}
EDGES = lines([list(edge) for edge in RING])
