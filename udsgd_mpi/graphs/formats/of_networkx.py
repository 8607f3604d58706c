"""Formats that networkx reads: GML, GraphML, GEXF, Pajek, and JSON as node-link data."""

import json
import re
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from udsgd_mpi.graphs.formats.content import Content
from udsgd_mpi.graphs.formats.found import Found, NotOfFormat, check_numbers, numbered
from udsgd_mpi.support.lazy import lazy_module

if TYPE_CHECKING:
    import networkx as nx
else:
    nx = lazy_module("networkx")

_NOT_TOLD = {"id", "key"}  # names of edges rather than what is known of them


def _found(form: str, graph: "nx.Graph", nodes: int, **how: Any) -> Found:
    """What a graph of networkx is.

    Parameters
    ----------
    nodes
        How many nodes the file lists; an edge to another makes networkx invent one.
    """
    if len(graph) != nodes:
        raise NotOfFormat(
            f"expected edges between the {nodes} nodes that it lists under distinct names, got"
            f" {len(graph)} nodes"
        )
    names = {str(node): k for k, node in enumerate(graph)}
    if len(names) != len(graph):
        raise NotOfFormat("expected distinct names of nodes, got some that look the same")
    check_numbers(names)
    place = {node: k for k, node in enumerate(graph)}
    ends = [(place[i], place[j]) for i, j in graph.edges()]
    i, j = np.array(ends, dtype=np.int64).reshape(-1, 2).T
    known = {str(key) for *_, data in graph.edges(data=True) for key in data} - _NOT_TOLD
    dropped = (f"edge attributes ({', '.join(sorted(known)[:5])})",) if known else ()
    settings = {"keys": list(names), "directed": graph.is_directed(), "dropped": dropped} | how
    return Found(form, tails=i, heads=j, **settings)


def read_gml(content: Content) -> Found:
    """Read GML; nodes are ordered by id and called by label."""
    graph = nx.parse_gml(content.text.split("\n"), label="id")
    labels = [str(data.get("label", node)) for node, data in graph.nodes(data=True)]
    keys = np.array(list(graph), dtype=np.int64)
    return _found("GML", graph, len(graph), keys=keys, names=labels)


def read_graphml(content: Content) -> Found:
    """Read GraphML with one graph."""
    graphs, nodes = _elements(content, "graph", "node")
    if graphs != 1:
        raise NotOfFormat(f"expected one graph, got {graphs}")
    return _found("GraphML", nx.read_graphml(content.binary()), nodes)


def read_gexf(content: Content) -> Found:
    """Read GEXF."""
    _, nodes = _elements(content, "graph", "node")
    return _found("GEXF", nx.read_gexf(content.binary()), nodes)


def _elements(content: Content, *names: str) -> list[int]:
    """How many elements of each name an XML file has."""
    tags = re.sub(rb"<!--.*?-->", b"", content.whole, flags=re.DOTALL)
    return [len(re.findall(rb"<(?:\w+:)?%b[\s/>]" % name.encode(), tags)) for name in names]


def read_pajek(content: Content) -> Found:
    """Read Pajek's vertices, edges, arcs and matrices; nodes are ordered as in the file."""
    lines = [line for line in content.text.split("\n") if not line.startswith("%")]
    sections = [line.split()[0].lower() for line in lines if line.startswith("*")]
    known = ("*network", "*vertices", "*edges", "*arcs", "*matrix")
    for section in sections:
        if section not in known:
            raise NotOfFormat(f"expected the sections {', '.join(known)}, got {section}")
    vertices = re.search(r"(?im)^\*vertices[ \t]+([0-9]{1,9})", "\n".join(lines))
    if sections.count("*vertices") != 1 or vertices is None:
        raise NotOfFormat("expected one section *Vertices NUMBER")
    n = int(vertices[1])
    keys = numbered(1, n, len(lines))
    graph = nx.parse_pajek(_with_vertices(lines, n))
    return _found("Pajek", graph, n, keys=keys, names=[str(node) for node in graph])


def _with_vertices(lines: list[str], n: int) -> Iterable[str]:
    """The lines, with a name for each vertex where the file leaves them out."""
    lines = [line for line in lines if line.strip()]
    first = next(k for k, line in enumerate(lines) if line.lower().startswith("*vertices")) + 1
    listed = next((k for k, line in enumerate(lines[first:]) if line.startswith("*")), len(lines))
    head = f"*vertices {n}"
    names = {str(k): f'{k} "{k}"' for k in range(1, n + 1)}
    for line in lines[first : first + listed]:
        number, _, rest = line.strip().partition(" ")
        if number not in names:
            raise NotOfFormat(f"expected vertices 1 to {n}, got {line.strip()!r}")
        if rest:
            names[number] = line.strip()
    return [*lines[: first - 1], head, *names.values(), *lines[first + listed :]]


def read_json(content: Content) -> Found:
    """Read what ``networkx.node_link_data`` gives, edges under ``edges`` or ``links``."""
    data = json.loads(content.text)
    edges = [key for key in ("edges", "links") if isinstance(data, dict) and key in data]
    if len(edges) != 1 or not isinstance(data.get("nodes"), list):
        got = sorted(data) if isinstance(data, dict) else type(data).__name__
        raise NotOfFormat(f"expected node-link data with nodes, and edges or links, got {got}")
    graph = nx.node_link_graph(data, edges=edges[0])
    again = len(data[edges[0]]) - graph.number_of_edges()  # networkx has put them together
    found = _found("node-link JSON", graph, len(data["nodes"]))
    again_too = (f"{again:,} edges that came before",) if again else ()
    return replace(found, dropped=found.dropped + again_too)
