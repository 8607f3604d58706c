"""Files of other programs are read in any format, with names; what is dropped is logged."""

import bz2
import gzip
import json
import logging
import lzma
from collections.abc import Callable
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
from scipy.io import mmwrite
from scipy.sparse import csr_array, save_npz

from tests.graph_files import (
    EDGES,
    GRAPHML,
    K3_OF_3,
    PATH_OF_3,
    RING,
    as_edges,
    edges_in,
    lines,
    order_in,
)
from udsgd_mpi.graphs.files import read_named_graph, write_graph


def neighbours(graph: nx.Graph, first: int = 0) -> list[list[object]]:
    return [[j + first for j in sorted(graph[i])] for i in sorted(graph)]


def write_npy(graph: nx.Graph, path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, nx.to_numpy_array(graph, nodelist=sorted(graph)))


def write_npz(graph: nx.Graph, path: Path) -> None:
    with path.open("wb") as file:
        save_npz(file, csr_array(nx.to_numpy_array(graph, nodelist=sorted(graph))))


def write_mtx(graph: nx.Graph, path: Path) -> None:
    with path.open("wb") as file:
        mmwrite(file, csr_array(nx.to_numpy_array(graph, nodelist=sorted(graph))))


def text(form: Callable[[nx.Graph], str]) -> Callable[[nx.Graph, Path], object]:
    return lambda graph, path: path.write_text(form(graph))


def pairs(graph: nx.Graph) -> list[list[object]]:
    return [[j, i] if (i + j) % 2 else [i, j] for i, j in graph.edges]


# Suffix, writer, and the number that the format gives to the first node.
WRITERS: dict[str, tuple[str, Callable[[nx.Graph, Path], object], int]] = {
    "networkx edge list": (".edgelist", nx.write_edgelist, 0),
    "networkx edge list without attributes": (
        ".txt",
        lambda graph, path: nx.write_edgelist(graph, path, data=False),
        0,
    ),
    "networkx weighted": (
        ".txt",
        lambda g, p: nx.write_weighted_edgelist(
            nx.Graph((*e, {"weight": 0.5}) for e in g.edges), p
        ),
        0,
    ),
    "networkx adjacency list": (".adjlist", nx.write_adjlist, 0),
    "all neighbours": (
        ".txt",
        text(lambda g: lines([[i, *row] for i, row in enumerate(neighbours(g))])),
        0,
    ),
    "GML": (".gml", nx.write_gml, 0),
    "GraphML": (".graphml", nx.write_graphml_xml, 0),
    "GraphML in any file": (".txt", nx.write_graphml_xml, 0),
    "GEXF": (".gexf", nx.write_gexf, 0),
    "Pajek": (".net", nx.write_pajek, 0),
    "JSON": (".json", text(lambda g: json.dumps(nx.node_link_data(g, edges="edges"))), 0),
    "JSON with links": (
        ".json",
        text(lambda g: json.dumps(nx.node_link_data(g, edges="links"))),
        0,
    ),
    "MatrixMarket": (".mtx", write_mtx, 1),
    "npy": (".npy", write_npy, 0),
    "npz": (".npz", write_npz, 0),
    "matrix": (".txt", text(lambda g: lines(nx.to_numpy_array(g, dtype=int).tolist())), 0),
    "matrix with commas": (
        ".csv",
        text(lambda g: lines(nx.to_numpy_array(g).tolist(), ",")),
        0,
    ),
    "CSV": (".csv", text(lambda g: lines(pairs(g), ",")), 0),
    "CSV with titles": (
        ".csv",
        text(lambda g: "Id,Source,Target\n" + lines([[9, *pair] for pair in pairs(g)], ",")),
        0,
    ),
    "CSV with semicolons": (".txt", text(lambda g: lines(pairs(g), " ; ")), 0),
    "TSV with titles": (".tsv", text(lambda g: "from\tto\n" + lines(pairs(g), "\t")), 0),
    "KONECT": (".ring", text(lambda g: "% sym weighted\n% 1 2\n" + lines(pairs(g), "\t")), 0),
    "numbers of nodes and edges first": (
        ".txt",
        text(lambda g: f"40 {g.size()}\n" + lines(pairs(g))),
        0,
    ),
    "METIS": (
        ".graph",
        text(lambda g: f"% a comment\n{len(g)} {g.size()}\n" + lines(neighbours(g, 1))),
        1,
    ),
    "DIMACS": (
        ".col",
        text(
            lambda g: (
                f"c a comment\np edge {len(g)} {g.size()}\n"
                + lines([["e", i + 1, j + 1] for i, j in g.edges])
            )
        ),
        1,
    ),
}
PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.compress,
    ".BZ2": bz2.compress,
    ".xz": lzma.compress,
}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("writer", WRITERS)
def test_what_others_write_is_read(writer: str, seed: int, tmp_path: Path) -> None:
    suffix, write, first = WRITERS[writer]
    graph = nx.connected_watts_strogatz_graph(25, 4, 0.4, seed=seed)
    if writer == "numbers of nodes and edges first":
        graph = nx.path_graph(40)
        graph.add_edge(0, 39)
    write(graph, tmp_path / "plain")
    for packing, pack in PACKINGS.items():
        path = tmp_path / f"graph{suffix.upper() if seed == 1 else suffix}{packing}"
        path.write_bytes(pack((tmp_path / "plain").read_bytes()))
        assert edges_in(path) == as_edges(graph, first)
        assert order_in(path) == [str(i + first) for i in range(len(graph))]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("suffix", [".gml", ".graphml", ".gexf", ".net", ".json", ".csv", ".tsv"])
def test_names_with_spaces_and_other_letters(suffix: str, seed: int, tmp_path: Path) -> None:
    names = [f"{name}, {k} #Å" for k, name in enumerate(["New York", "São Paulo", "'s", "n1"])]
    graph = nx.relabel_nodes(nx.gnp_random_graph(4, 0.9, seed=seed), dict(enumerate(names)))
    path = tmp_path / f"graph{suffix}"
    quoted = [[f'"{i}"', f'"{j}"'] for i, j in graph.edges]
    write = {
        ".gml": nx.write_gml,
        ".graphml": nx.write_graphml_xml,
        ".gexf": nx.write_gexf,
        ".net": nx.write_pajek,
        ".json": text(lambda g: json.dumps(nx.node_link_data(g, edges="edges"))),
        ".csv": text(lambda _: lines(quoted, ", ")),
        ".tsv": text(lambda _: lines(quoted, "\t")),
    }[suffix]
    write(graph, path)
    assert edges_in(path) == {frozenset(edge) for edge in graph.edges}


def test_natural_order(tmp_path: Path) -> None:
    names = ["n10", "n2", "n2a10", "b", "12", "B", "7", "n1", "-3", "n2a9"]
    path = tmp_path / "g.txt"
    path.write_text(lines([[names[0], name] for name in names[1:]] + [[names[1], names[0]]]))
    expected = ["-3", "7", "12", "B", "b", "n1", "n2", "n2a9", "n2a10", "n10"]
    assert order_in(path) == expected


DROPPED = {
    "g.edgelist": ("0 1 0.5\n1 2 1\n2 0 2\n2 2 1\n0 1 1\n", "column 3, 1 self-loop, 1 edge that"),
    "g.txt": (EDGES + lines([[j, i] for i, j in RING]), None),
    "h.txt": (EDGES + "1 0\n", "1 edge that came before"),
    "g.csv": ("Source,Target,Weight\na,b,1\nb,c,2\nc,a,1\n", "column Weight"),
    "g.graphml": (
        GRAPHML.format('<node id="a"/><node id="b"/><edge source="a" target="b"/>'),
        "directions",
    ),
    "g.mtx": (
        "%%MatrixMarket matrix coordinate real general\n2 2 2\n1 2 0.5\n2 1 0.5\n",
        "weights",
    ),
    "g.matrix": ("0 1 0\n0 0 1\n0 0 0\n", "directions"),
    "g.gml": (
        "graph [ node [ id 0 ] node [ id 1 ] edge [ source 0 target 1 value 3 ] ]",
        "edge attributes (value)",
    ),
}


@pytest.mark.parametrize("name", DROPPED)
def test_what_is_dropped_is_logged_once(
    name: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    content, expected = DROPPED[name]
    (tmp_path / name).write_text(content)
    with caplog.at_level(logging.WARNING):
        for _ in range(2):
            read_named_graph(tmp_path / name)
    if expected is None:
        assert caplog.messages == []
    else:
        (said,) = caplog.messages
        assert f"{tmp_path / name}, read as" in said
        assert f"dropped {expected}" in said


def test_what_is_written_has_the_names_and_is_read(tmp_path: Path) -> None:
    (tmp_path / "g.txt").write_text("n10 n9\nn9 n1\nn1 n10\n")
    graph, names, _ = read_named_graph(tmp_path / "g.txt")
    write_graph(graph, tmp_path / "h.edgelist", "a test", names)
    assert "# 0: n1\n# 1: n9\n# 2: n10\n" in (tmp_path / "h.edgelist").read_text()
    assert edges_in(tmp_path / "h.edgelist") == K3_OF_3


def test_names_stay_in_their_lines(tmp_path: Path) -> None:
    graph = nx.path_graph(["a\n0 2", "b", "c"])
    (tmp_path / "g.json").write_text(json.dumps(nx.node_link_data(graph, edges="edges")))
    found, names, _ = read_named_graph(tmp_path / "g.json")
    write_graph(found, tmp_path / "h.edgelist", "a test", names)
    assert edges_in(tmp_path / "h.edgelist") == PATH_OF_3
