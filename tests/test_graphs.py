"""Graphs are what networkx says they are, connected, and the same in file and generator."""

import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import networkx as nx
import numpy as np
import pytest

from udsgd_mpi.graphs import AnyGraph, Graph
from udsgd_mpi.graphs.files import read_graph
from udsgd_mpi.graphs.generators import (
    Barbell,
    Clustered,
    Complete,
    DirectedExponential,
    DirectedRing,
    ErdosRenyi,
    Exponential,
    Generator,
    RandomRegular,
    Ring,
    ScaleFree,
    SmallWorld,
    Star,
    Torus,
)
from udsgd_mpi.graphs.in_files import InFile, RandomNodes, RandomWalk, Snowball, SubGraph
from udsgd_mpi.graphs.parts import label_parts
from udsgd_mpi.graphs.source import GraphSource
from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.testing.graphs import from_networkx

READY = sorted((Path(__file__).parent.parent / "topologies").glob("*.edgelist"))
GENERATORS = [source for source in AnyGraph.__args__ if not issubclass(source, InFile)]
SUB_GRAPHS = [source for source in AnyGraph.__args__ if issubclass(source, SubGraph)]


@pytest.mark.parametrize("path", READY, ids=lambda path: path.stem)
def test_ready_files_equal_the_generators(path: Path) -> None:
    name, _, n = path.stem.rpartition("-")
    (generator,) = [g for g in GENERATORS if g.__struct_config__.tag == name]
    drawn = generator().build(int(n), seed=1, name="graph")
    found = read_graph(path)
    np.testing.assert_array_equal(found.offsets, drawn.offsets)
    np.testing.assert_array_equal(found.neighbours, drawn.neighbours)


@pytest.mark.parametrize("generator", GENERATORS, ids=lambda g: g.__struct_config__.tag)
@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 16, 30])
def test_generators_give_connected_graphs_of_the_size(generator: type[GraphSource], n: int) -> None:
    graph = generator().build(n, seed=7, name="graph")
    assert len(graph) == n
    again = generator().build(n, seed=7, name="graph")
    np.testing.assert_array_equal(graph.neighbours, again.neighbours)


def torus(n: int) -> nx.Graph:
    rows = next(r for r in range(int(n**0.5), 0, -1) if n % r == 0)
    grid = nx.grid_2d_graph(rows, n // rows, periodic=True)
    return nx.convert_node_labels_to_integers(grid, ordering="sorted")


def clustered(n: int, clusters: int) -> nx.Graph:
    parts = [part.tolist() for part in np.array_split(np.arange(n), clusters) if len(part)]
    graph = nx.disjoint_union_all([nx.complete_graph(len(part)) for part in parts])
    following = [*parts[1:], parts[0]]
    graph.add_edges_from((a[-1], b[0]) for a, b in zip(parts, following, strict=True))
    return graph


BY_FORMULA = {
    Ring(): nx.cycle_graph,
    Star(): lambda n: nx.star_graph(n - 1),
    Complete(): nx.complete_graph,
    Torus(): torus,
    Exponential(): lambda n: nx.circulant_graph(n, [2**k for k in range((n - 1).bit_length())]),
    Barbell(): lambda n: nx.path_graph(n) if n < 4 else nx.barbell_graph(n // 2, n % 2),
    Clustered(): lambda n: clustered(n, 4),
    Clustered(clusters=1): lambda n: clustered(n, 1),
    Clustered(clusters=7): lambda n: clustered(n, 7),
}


def same(graph: Graph, expected: nx.Graph) -> bool:
    """Whether a graph is one of networkx but for loops and parallel edges."""
    edges = {frozenset(edge) for edge in expected.edges}
    found = {frozenset(edge) for edge in graph.to_networkx().edges}
    ascending = all((np.diff(row) > 0).all() for row in np.split(graph.neighbours, graph.offsets))
    return len(graph) == len(expected) and ascending and found == {e for e in edges if len(e) == 2}


@pytest.mark.parametrize("source", BY_FORMULA, ids=repr)
def test_graphs_by_formula_are_those_of_networkx(source: Generator) -> None:
    for n in range(1, 61):
        assert same(source.draw(n, seed=0), BY_FORMULA[source](n)), n


def test_directed_graphs_by_formula_are_those_of_networkx() -> None:
    for n in range(3, 40):
        powers = [2**k for k in range(n) if 2**k < n]
        for source, steps in ((DirectedRing(), [1]), (DirectedExponential(), powers)):
            expected = nx.DiGraph((i, (i + step) % n) for i in range(n) for step in steps)
            found = source.draw(n, seed=0)
            assert nx.utils.graphs_equal(found.to_networkx(), expected)
            assert found.directed == any(not expected.has_edge(j, i) for i, j in expected.edges)


def drawn_by_networkx(draw: Callable[[int], nx.Graph], seed: int) -> nx.Graph:
    """The first that is connected."""
    return next(graph for graph in map(draw, range(seed, seed + 100)) if nx.is_connected(graph))


@pytest.mark.parametrize("seed", [0, 7, 2**31 - 1])
def test_random_graphs_are_those_of_networkx(seed: int) -> None:
    """Of the same seed, so that the laws are the same too."""

    def check(source: Generator, n: int, draw: Callable[[int], nx.Graph]) -> None:
        assert same(source.draw(n, seed), drawn_by_networkx(draw, seed)), (source, n)

    for n in (6, 7, 12, 60, 569):
        for k, p in ((2, 0.0), (4, 0.1), (5, 1.0)):
            check(SmallWorld(k=k, p=p), n, partial(nx.watts_strogatz_graph, n, k, p))
        for m in (1, 3, 5):
            check(ScaleFree(m=m), n, partial(nx.barabasi_albert_graph, n, m))
        for mean_degree in (4.9, 9.0) if n < 100 else (9.0,):
            p = min(1.0, mean_degree / (n - 1))
            draw = partial(nx.fast_gnp_random_graph, n, p)
            check(ErdosRenyi(mean_degree=mean_degree), n, draw)
        check(RandomRegular(), n, partial(nx.random_regular_graph, 4, n))


def test_hardly_any_edges_are_refused_as_disconnected() -> None:
    assert len(ErdosRenyi(mean_degree=1e-320).draw(1, 0)) == 1
    with pytest.raises(ConfigurationError, match="none of 100 graphs"):
        ErdosRenyi(mean_degree=1e-320).draw(10, 0)


def test_compressed_rows() -> None:
    plain = nx.connected_watts_strogatz_graph(20, 4, 0.5, seed=1)
    graph = from_networkx(plain, "graph")
    for i in range(20):
        row = graph.neighbours[graph.offsets[i] : graph.offsets[i + 1]]
        assert row.tolist() == sorted(plain[i])
    tails = np.repeat(np.arange(20), graph.degrees)
    reverse = graph.reverse_arcs()
    np.testing.assert_array_equal(tails[reverse], graph.neighbours)
    np.testing.assert_array_equal(graph.neighbours[reverse], tails)
    assert graph.mean_degree == pytest.approx(2 * plain.number_of_edges() / 20)


@pytest.fixture
def big(tmp_path: Path) -> nx.Graph:
    """A graph in a file, whose 5-core has parts of 40 and 10 nodes."""
    graph = nx.barabasi_albert_graph(160, 3, seed=1)
    graph.add_edges_from(nx.random_regular_graph(8, 40, seed=2).edges)
    graph.add_edges_from(nx.complete_graph(range(160, 170)).edges)
    graph.add_edge(159, 160)
    nx.write_edgelist(graph, tmp_path / "big.txt", data=False)
    return graph


@pytest.mark.parametrize("source", SUB_GRAPHS, ids=lambda g: g.__struct_config__.tag)
@pytest.mark.parametrize("core", [0, 5])
def test_sub_graphs_are_connected_induced_and_reproducible(
    source: type[SubGraph], core: int, big: nx.Graph, tmp_path: Path
) -> None:
    drawn = source(path=str(tmp_path / "big.txt"), core=core)
    inner = max(nx.connected_components(nx.k_core(big, core)), key=len)
    whole, eligible = drawn.whole(), drawn.eligible(read_graph(drawn.file))
    nodes = [sorted(eligible[drawn.drawn(whole, 30, seed, "graph")].tolist()) for seed in (3, 3, 4)]
    assert nodes[0] == nodes[1] != nodes[2]
    for chosen in nodes:
        assert len(set(chosen)) == 30
        assert set(chosen) <= inner
        assert nx.is_connected(big.subgraph(chosen))
    induced = nx.convert_node_labels_to_integers(big.subgraph(nodes[0]), ordering="sorted")
    for known in (None, whole):
        part = drawn.build(30, 3, "graph", known).to_networkx()
        assert nx.utils.graphs_equal(part, induced)


@pytest.mark.parametrize("source", SUB_GRAPHS, ids=lambda g: g.__struct_config__.tag)
def test_sub_graphs_that_are_too_large_are_refused(
    source: type[SubGraph], big: nx.Graph, tmp_path: Path
) -> None:
    for core, n in ((0, len(big) + 1), (50, 2)):
        drawn = source(path=str(tmp_path / "big.txt"), core=core)
        with pytest.raises(ConfigurationError, match=f"expected at least {n} connected"):
            drawn.build(n, 1, "graph")


@pytest.mark.parametrize("k", [1, 3, 4, 5, 9, 10])
def test_core_is_that_of_networkx(k: int, big: nx.Graph) -> None:
    found = from_networkx(big, "graph").core(k)
    assert found.tolist() == sorted(nx.k_core(big, k))


def test_random_nodes_are_the_fewest(big: nx.Graph, tmp_path: Path) -> None:
    drawn = RandomNodes(path=str(tmp_path / "big.txt"))
    rng = np.random.default_rng(5)
    rng.integers(len(big))
    order = rng.permutation(len(big)).tolist()
    largest: set[int] = set()
    m = 0
    while len(largest) < 30:
        m += 1
        largest = max(nx.connected_components(big.subgraph(order[:m])), key=len)
    assert set(drawn.drawn(drawn.whole(), 30, 5, "graph").tolist()) <= largest
    assert len(largest) < 45


def test_snowball_is_induced_on_what_is_met_first(tmp_path: Path) -> None:
    big = nx.barabasi_albert_graph(60, 2, seed=1)
    nx.write_edgelist(big, tmp_path / "big.txt", data=False)
    part = Snowball(path=str(tmp_path / "big.txt")).build(20, 3, "graph").to_networkx()
    rng = np.random.default_rng(3)
    met = [int(rng.integers(60))]
    for node in met:
        met.extend(rng.permutation(sorted(set(big[node]) - set(met))).tolist())
    expected = nx.convert_node_labels_to_integers(big.subgraph(met[:20]), ordering="sorted")
    assert nx.utils.graphs_equal(part, expected)


@pytest.mark.parametrize("kind", [Snowball, RandomWalk])
def test_sub_graphs_do_not_begin_in_a_small_part(kind: type[SubGraph], tmp_path: Path) -> None:
    big = nx.disjoint_union(nx.path_graph(40), nx.barabasi_albert_graph(60, 2, seed=1))
    nx.write_edgelist(big, tmp_path / "big.txt", data=False)
    source = kind(path=str(tmp_path / "big.txt"))
    whole = source.whole()
    for seed in range(10):  # four in ten begin on the path
        nodes = source.drawn(whole, 50, seed, "graph")
        assert len(set(nodes.tolist())) == 50
        assert len(whole.induced(nodes).largest_part()) == 50
    with pytest.raises(ConfigurationError, match="at least 61 connected nodes"):
        source.drawn(whole, 61, 0, "graph")


@pytest.mark.parametrize("suffix", [".gml", ".graphml", ".edgelist", ".edgelist.gz"])
def test_file_formats(suffix: str, tmp_path: Path) -> None:
    graph = nx.petersen_graph()
    path = tmp_path / f"graph{suffix}"
    write = {".gml": nx.write_gml, ".graphml": nx.write_graphml}.get(suffix, nx.write_edgelist)
    write(graph, path)
    read = read_graph(path).to_networkx()
    assert sorted(read) == list(range(10))
    assert {frozenset(edge) for edge in read.edges} == {frozenset(edge) for edge in graph.edges}


def test_edge_lists_between_integers_are_what_networkx_reads(tmp_path: Path) -> None:
    path = tmp_path / "graph.txt"
    path.write_text("# a comment\n7 -3\n-3 7\n7 7\n100 7\n\n-3 100  # another\n7 20\n")
    expected = nx.read_edgelist(path, nodetype=int, data=False)
    assert sorted(expected) == [-3, 7, 20, 100]
    expected.remove_edges_from(list(nx.selfloop_edges(expected)))
    found = read_graph(path).to_networkx()
    renamed = nx.convert_node_labels_to_integers(expected, ordering="sorted")
    assert nx.utils.graphs_equal(found, renamed)


@pytest.mark.parametrize("labels", [("1.5", "1", "2"), ("a", "b", "c")])
def test_other_labels_are_no_integers(labels: tuple[str, ...], tmp_path: Path) -> None:
    path = tmp_path / "graph.txt"
    path.write_text(f"{labels[0]} {labels[1]}\n{labels[1]} {labels[2]}\n")
    assert read_graph(path).degrees.sum() == 4
    assert len(read_graph(path)) == 3


LARGE = """
import resource, sys
import numpy as np
from udsgd_mpi.graphs import Graph
from udsgd_mpi.samplers import HDT, MHRW, NBRW, SRW, Stream

n, m, trials, steps = 10**6, 10**7, 4, 2000
rng = np.random.default_rng(1)
ring = np.arange(n)
i = np.append(ring, rng.integers(n, size=m - n))
j = np.append((ring + 1) % n, rng.integers(n, size=m - n))
graph = Graph.of_edges(n, i, j).connected("graph")
assert len(graph) == n
assert 0.9999 * m < len(graph.neighbours) / 2 <= m
for sampler in (SRW(), NBRW(), MHRW(), HDT()):
    out = np.empty((steps, trials), dtype=np.int32)
    sampler.start(n, graph, Stream(1, 0, trials)).draw(out)
    for x, y in zip(out[:-1].ravel(), out[1:].ravel()):
        near = graph.neighbours[graph.offsets[x] : graph.offsets[x + 1]]
        assert y in near or (x == y and not sampler.degree_biased)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000)
"""


@pytest.mark.slow
def test_walks_on_a_million_nodes_and_ten_million_edges() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LARGE], capture_output=True, text=True, timeout=200, check=False
    )
    assert done.returncode == 0, done.stderr
    assert float(done.stdout) < 1500  # MB; edges, as they are drawn here, are 320 of them


def test_a_disconnected_graph_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="expected a connected graph, got 2 parts"):
        from_networkx(nx.disjoint_union(nx.path_graph(2), nx.path_graph(3)), "graph")


@pytest.mark.parametrize("edges", [0, 20, 60, 200])
def test_parts_are_those_of_networkx(edges: int) -> None:
    plain = nx.gnm_random_graph(80, edges, seed=edges)
    i, j = np.array([*plain.edges], dtype=np.int64).reshape(-1, 2).T
    graph = Graph.of_edges(80, i, j)
    part = np.empty(80, dtype=np.int32)
    expected = [sorted(nodes) for nodes in nx.connected_components(plain)]
    assert label_parts(graph.offsets, graph.neighbours, part) == len(expected)
    found = [np.flatnonzero(part == k).tolist() for k in range(len(expected))]
    assert sorted(found) == sorted(expected)
    assert graph.largest_part().tolist() == max(found, key=len)
