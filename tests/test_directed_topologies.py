"""Directed topologies are read with their directions, and W on them is known from out-degrees."""

import json
from pathlib import Path
from typing import Literal

import networkx as nx
import numpy as np
import pytest

from tests.arcs import ARCS, A, write_arcs
from tests.small_problem import AGENTS
from udsgd_mpi.__main__ import main
from udsgd_mpi.communication import DSGD, DSGDVT, contraction
from udsgd_mpi.graphs import Graph
from udsgd_mpi.graphs.digraph import Digraph, graph_of_arcs
from udsgd_mpi.graphs.files import read_digraph, read_graph, write_graph
from udsgd_mpi.graphs.generators import DirectedRing, Ring
from udsgd_mpi.graphs.in_files import GraphFile
from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.testing.graphs import from_networkx, matrix


def digraph(seed: int, n: int = 12) -> nx.DiGraph:
    return nx.gnp_random_graph(n, 0.25, seed=seed, directed=True)


def test_weights_are_known_from_out_degrees() -> None:
    W = DSGD(weights="out_degree").start(from_networkx(nx.DiGraph(ARCS)), 1)
    np.testing.assert_allclose(matrix(W, 1, AGENTS), A)
    assert not W.doubly_stochastic
    assert W.second_moment(AGENTS) is None
    values = np.sort(abs(np.linalg.eigvals(A)))
    assert contraction(W, AGENTS).factor == pytest.approx(values[-2])
    for n, graph in ((7, nx.cycle_graph(7)), (7, nx.cycle_graph(7, create_using=nx.DiGraph))):
        W = DSGD(weights="out_degree").start(from_networkx(graph), 1)
        assert W.doubly_stochastic
        degree = 2 if not graph.is_directed() else 1
        expected = (np.eye(n) + nx.to_numpy_array(graph).T) / (1 + degree)
        np.testing.assert_allclose(matrix(W, 1, n), expected)


@pytest.mark.parametrize("order", ["cyclic", "random"])
def test_contraction_of_w_that_change_is_that_of_their_products(
    order: Literal["cyclic", "random"], tmp_path: Path
) -> None:
    """In turn it is |λ₂| of one round; at random within 4 standard errors of another estimate."""
    other = [(0, 1), (1, 2), (2, 0), (2, 3), (3, 1), (3, 0)]
    (tmp_path / "other.edgelist").write_text("".join(f"{i} {j}\n" for i, j in other))
    sources = [
        GraphFile(path=path, directed=True)
        for path in (str(write_arcs(tmp_path)), str(tmp_path / "other.edgelist"))
    ]
    pattern = DSGDVT(topologies=list(sources), weights="out_degree", order=order)
    schedule = pattern.start(Ring().draw(AGENTS, 1), 1)
    found = contraction(schedule, AGENTS)
    W, V = (schedule.forms[k].at(1).matrix(AGENTS) for k in (0, 1))
    np.testing.assert_allclose(W, A)
    if order == "cyclic":
        expected = np.sort(abs(np.linalg.eigvals(V @ W)))[-2] ** 0.5
        assert found.factor == pytest.approx(expected, rel=1e-3)
    else:
        rng, v, total, draws = np.random.default_rng(5), np.array([1.0, -1, 0, 0]), 0.0, 20_000
        for first in rng.integers(2, size=draws):
            v = (W if first else V) @ (v - v.mean())
            length = np.linalg.norm(v)
            v, total = v / length, total + np.log(length)
        assert abs(found.factor - np.exp(total / draws)) < 4 * 1.05 * found.error


def test_what_is_strongly_connected_is_so_by_networkx() -> None:
    decided = []
    for seed in range(60):
        graph = digraph(seed)
        found = graph_of_arcs(12, *np.array([*graph.edges], dtype=np.int64).T)
        assert isinstance(found, Digraph)
        assert nx.utils.graphs_equal(found.to_networkx(), graph)
        decided.append(nx.is_strongly_connected(graph))
        try:
            assert found.connected("topology") is found
            assert decided[-1]
        except ConfigurationError as error:
            i, j = (
                int(word.strip(";")) for word in str(error).split() if word.strip(";").isdigit()
            )
            assert not nx.has_path(graph, i, j)
    assert 10 < sum(decided) < 50


def test_files_keep_the_directions_that_are_asked_for(tmp_path: Path) -> None:
    """In each format; edges that have none lead both ways."""
    graph = nx.DiGraph(ARCS)
    written = {
        "arcs.edgelist": "".join(f"{i} {j}\n" for i, j in [*ARCS, (0, 1), (2, 2)]),
        "arcs.csv": "source,target\n" + "".join(f"{i},{j}\n" for i, j in ARCS),
        "arcs.adjlist": "0 1 2\n1 2\n2 3\n3 0\n",
        "arcs.matrix": "0 1 1 0\n0 0 1 0\n0 0 0 1\n1 0 0 0\n",
        "arcs.json": json.dumps(nx.node_link_data(graph, edges="edges")),
        "arcs.net": "\n".join(nx.generate_pajek(nx.relabel_nodes(graph, str))),
        "arcs.gml": "\n".join(nx.generate_gml(graph)),
        "arcs.gr": "p sp 4 5\n" + "".join(f"a {i + 1} {j + 1} 1\n" for i, j in ARCS),
    }
    for name, text in written.items():
        (tmp_path / name).write_text(text)
        found = read_digraph(tmp_path / name)
        assert nx.utils.graphs_equal(found.to_networkx(), graph), name
        assert type(read_graph(tmp_path / name)) is Graph
    undirected = nx.Graph(ARCS)
    nx.write_gml(undirected, tmp_path / "edges.gml")
    assert type(read_digraph(tmp_path / "edges.gml")) is Graph
    write_graph(from_networkx(graph), tmp_path / "again.edgelist", "a test")
    assert "directed" in (tmp_path / "again.edgelist").read_text()
    assert read_digraph(tmp_path / "again.edgelist").digest == found.digest
    other = read_graph(tmp_path / "again.edgelist").digest
    assert other == from_networkx(undirected).digest != found.digest


def test_the_topology_command_shows_both_degrees(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["topology", write_arcs(tmp_path).name, "--set", "directed=true"]) == 0
    told = capsys.readouterr().out
    for line in ("edges         5, directed", "out-degree    1 to 2", "1 − |λ₂(W)|"):
        assert line in told
    assert "metropolis" not in told


@pytest.mark.parametrize("pattern", ["async_gossip", "gossip", "{kind='dsgd', weights='lazy'}"])
def test_the_topology_command_writes_nothing_where_a_pattern_does_not_fit(
    pattern: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    given = ["topology", write_arcs(tmp_path).name, "--set", "directed=true"]
    assert main([*given, "--save", "edges.txt", "--pattern", pattern]) == 2
    assert [each.name for each in tmp_path.iterdir()] == ["arcs.edgelist"]
    assert "agents  " not in capsys.readouterr().out


def test_a_matrix_of_weights_has_what_an_agent_hears_in_its_row(tmp_path: Path) -> None:
    """Whatever leads the other way is refused."""
    heard = (np.eye(AGENTS) + np.roll(np.eye(AGENTS), 1, axis=0)) / 2
    ring = DirectedRing().draw(AGENTS, 1)
    for name, given in (("heard", heard), ("told", heard.T)):
        np.savetxt(tmp_path / name, given)
    assert heard[1, 0] == 0.5
    W = DSGD(weights=str(tmp_path / "heard")).start(ring, 1)
    np.testing.assert_array_equal(matrix(W, 1, AGENTS), heard)
    with pytest.raises(ConfigurationError, match="agent 1 does not tell agent 0"):
        DSGD(weights=str(tmp_path / "told")).start(ring, 1)
