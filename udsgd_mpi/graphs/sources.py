"""Where graphs come from: generators by name, and files.

To add a generator, write its class and name it in ``AnyGraph``.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Self

import numpy as np
from msgspec import Meta, Struct, structs
from numpy.typing import NDArray

from udsgd_mpi.data.archive import GRAPHS, fetch
from udsgd_mpi.errors import ConfigurationError
from udsgd_mpi.graphs.csr import Graph
from udsgd_mpi.graphs.files import read_graph
from udsgd_mpi.lazy import lazy
from udsgd_mpi.templates import is_of_agents, of_agent

if TYPE_CHECKING:
    import networkx as nx
else:
    nx = lazy("networkx")

_TRIES = 100

Probability = Annotated[float, Meta(ge=0, le=1)]
Positive = Annotated[int, Meta(ge=1)]
Nodes = NDArray[np.int64]


class GraphSource(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind"):
    """A graph on n nodes, or a recipe for one."""

    @property
    def is_of_agents(self) -> bool:
        """Whether every agent has a file of its own."""
        return False

    def of_agent(self, agent: int) -> Self:
        """The source of one agent's graph."""
        return self

    def draw(self, n: int, seed: int) -> "nx.Graph":
        """A graph on the nodes 0, …, n − 1; random ones depend on the seed alone."""
        raise NotImplementedError

    def build(self, n: int, seed: int, name: str) -> Graph:
        """The same in compressed rows.

        Raises
        ------
        ConfigurationError
            If it is not connected; ``name`` says which graph it is.
        """
        return Graph.from_networkx(self.draw(n, seed), name)


class InFile(GraphSource, frozen=True):
    """A source that reads a file: its path, or the name of a well-known graph.

    ``{agent}`` in a path stands for each agent's number.
    """

    path: str

    @property
    def is_of_agents(self) -> bool:
        return is_of_agents(self.path)

    def of_agent(self, agent: int) -> Self:
        return structs.replace(self, path=str(of_agent(self.path, agent)))

    @property
    def file(self) -> Path:
        """The file, fetched where the path is a name."""
        return fetch(GRAPHS[self.path]) if self.path in GRAPHS else Path(self.path)


class Ring(GraphSource, frozen=True, tag="ring"):
    """A cycle."""

    def draw(self, n: int, seed: int) -> "nx.Graph":
        return nx.cycle_graph(n)


class Star(GraphSource, frozen=True, tag="star"):
    """Node 0 is a neighbour of all others, and they have no other."""

    def draw(self, n: int, seed: int) -> "nx.Graph":
        return nx.star_graph(n - 1)


class Complete(GraphSource, frozen=True, tag="complete"):
    """All nodes are neighbours."""

    def draw(self, n: int, seed: int) -> "nx.Graph":
        return nx.complete_graph(n)


class Torus(GraphSource, frozen=True, tag="torus"):
    """A periodic grid, as square as n allows."""

    def draw(self, n: int, seed: int) -> "nx.Graph":
        rows = next(r for r in range(int(n**0.5), 0, -1) if n % r == 0)
        grid = nx.grid_2d_graph(rows, n // rows, periodic=True)
        return nx.convert_node_labels_to_integers(grid, ordering="sorted")


class Exponential(GraphSource, frozen=True, tag="exponential"):
    """Node i is a neighbour of i ± 2^k for every 2^k < n."""

    def draw(self, n: int, seed: int) -> "nx.Graph":
        return nx.circulant_graph(n, [2**k for k in range((n - 1).bit_length())])


class Barbell(GraphSource, frozen=True, tag="barbell"):
    """Two cliques of n // 2 nodes; an odd node stands on the bridge between them."""

    def draw(self, n: int, seed: int) -> "nx.Graph":
        return nx.path_graph(n) if n < 4 else nx.barbell_graph(n // 2, n % 2)


class Clustered(GraphSource, frozen=True, tag="clustered"):
    """Cliques of nearly equal size, joined in a ring by single edges."""

    clusters: Positive = 4

    def draw(self, n: int, seed: int) -> "nx.Graph":
        parts = [part for part in np.array_split(np.arange(n), self.clusters) if len(part)]
        graph = nx.Graph()
        for part in parts:
            graph.update(nx.complete_graph(part.tolist()))
        if len(parts) > 1:
            firsts = [int(part[0]) for part in parts]
            lasts = [int(part[-1]) for part in parts]
            graph.add_edges_from(zip(lasts, firsts[1:] + firsts[:1], strict=True))
        return graph


class ErdosRenyi(GraphSource, frozen=True, tag="erdos_renyi"):
    """Every pair is joined with one probability; drawn again until connected."""

    mean_degree: Annotated[float, Meta(gt=0)] = 6.0

    def draw(self, n: int, seed: int) -> "nx.Graph":
        p = min(1.0, self.mean_degree / max(1, n - 1))
        return _connected(lambda k: nx.fast_gnp_random_graph(n, p, seed=seed + k), self, n)


class SmallWorld(GraphSource, frozen=True, tag="small_world"):
    """A ring of k nearest neighbours with edges rewired with probability p (Watts, Strogatz)."""

    k: Positive = 4
    p: Probability = 0.1

    def draw(self, n: int, seed: int) -> "nx.Graph":
        if n <= self.k:
            return nx.complete_graph(n)
        return _connected(
            lambda i: nx.watts_strogatz_graph(n, self.k, self.p, seed=seed + i), self, n
        )


class ScaleFree(GraphSource, frozen=True, tag="scale_free"):
    """Preferential attachment of nodes with m edges each (Barabási, Albert)."""

    m: Positive = 3

    def draw(self, n: int, seed: int) -> "nx.Graph":
        if n <= self.m:
            return nx.complete_graph(n)
        return nx.barabasi_albert_graph(n, self.m, seed=seed)


class RandomRegular(GraphSource, frozen=True, tag="random_regular"):
    """Every node has the same degree; drawn again until connected."""

    degree: Positive = 4

    def draw(self, n: int, seed: int) -> "nx.Graph":
        if n <= self.degree:
            return nx.complete_graph(n)
        if n * self.degree % 2:
            raise ConfigurationError(
                f"random_regular: {n} nodes of degree {self.degree} do not exist, since"
                " nodes · degree must be even; change the degree"
            )
        return _connected(lambda k: nx.random_regular_graph(self.degree, n, seed=seed + k), self, n)


class GraphFile(InFile, frozen=True, tag="file"):
    """An edge list (.edgelist, .txt, …, also .gz and .bz2), GML or GraphML file."""

    def build(self, n: int, seed: int, name: str) -> Graph:
        return read_graph(self.file).connected(name)


class SubGraph(InFile, frozen=True):
    """A connected sub-graph of a big graph file: all edges between some n of its nodes.

    Parameters
    ----------
    core
        Drawn within the largest connected part of the k-core: the nodes that are left when those
        with fewer than ``core`` neighbours are removed again and again.
    """

    core: Annotated[int, Meta(ge=0)] = 0

    def build(self, n: int, seed: int, name: str) -> Graph:
        return read_graph(self.file).induced(self.nodes(n, seed, name))

    def nodes(self, n: int, seed: int, name: str) -> Nodes:
        """The nodes, as the big graph numbers them."""
        big = read_graph(self.file)
        nodes = np.arange(len(big))
        if self.core:
            nodes = big.core(self.core)
            big = big.induced(nodes)
            part = big.largest_part()
            nodes, big = nodes[part], big.induced(part)
        rng = np.random.default_rng(seed)
        first = int(rng.integers(max(1, len(big))))
        found = self.choose(big, first, n, rng) if len(big) else nodes
        if len(found) < n:
            raise ConfigurationError(
                f"{name}: expected at least {n} connected nodes to draw from, got {len(found)}; use"
                " a larger graph, a smaller core or fewer points"
            )
        return np.asarray(nodes[found])

    def choose(self, big: Graph, first: int, n: int, rng: np.random.Generator) -> Nodes:
        """Connected nodes, n of them or all there are; ``first`` was drawn uniformly."""
        raise NotImplementedError


class Snowball(SubGraph, frozen=True, tag="snowball"):
    """Connected sub-graph of a big graph file: the first n nodes met breadth-first.

    The search starts at a node drawn with the seed and visits neighbours in a drawn order.
    """

    def choose(self, big: Graph, first: int, n: int, rng: np.random.Generator) -> Nodes:
        found = [first]
        seen = np.zeros(len(big), dtype=bool)
        seen[found] = True
        for node in found:
            neighbours = big.neighbours[big.offsets[node] : big.offsets[node + 1]]
            new = neighbours[~seen[neighbours]]
            seen[new] = True
            found.extend(rng.permutation(new).tolist())
            if len(found) >= n:
                break
        return np.array(found[:n])


class RandomWalk(SubGraph, frozen=True, tag="random_walk"):
    """Connected sub-graph of a big graph file: the first n nodes met by a simple random walk."""

    def choose(self, big: Graph, first: int, n: int, rng: np.random.Generator) -> Nodes:
        found = {first: None}
        most = len(Snowball(path=self.path).choose(big, first, n, rng))
        node = first
        while len(found) < most:
            k = rng.integers(big.offsets[node], big.offsets[node + 1])
            node = int(big.neighbours[k])
            found[node] = None
        return np.array(list(found))


class RandomNodes(SubGraph, frozen=True, tag="random_nodes"):
    """Connected sub-graph of a big graph file: part of what a random set of nodes induces.

    Nodes are taken in random order until some n of them hang together; of a part that comes out
    larger, the first n met breadth-first.
    """

    def choose(self, big: Graph, first: int, n: int, rng: np.random.Generator) -> Nodes:
        order = rng.permutation(len(big))

        def part(m: int) -> Nodes:
            nodes = np.sort(order[:m])
            return nodes[big.induced(nodes).largest_part()]

        few, enough = 0, len(big)
        while enough - few > 1:
            middle = (few + enough) // 2
            few, enough = (few, middle) if len(part(middle)) >= n else (middle, enough)
        nodes = part(enough)
        inner = big.induced(nodes)
        start = int(rng.integers(len(inner)))
        return nodes[Snowball(path=self.path).choose(inner, start, n, rng)]


def _connected(draw: Callable[[int], "nx.Graph"], source: GraphSource, n: int) -> "nx.Graph":
    for k in range(_TRIES):
        graph = draw(k)
        if nx.is_connected(graph):
            return graph
    raise ConfigurationError(
        f"{source}: none of {_TRIES} graphs drawn on {n} nodes was connected; raise the degree"
    )


AnyGraph = (
    Ring
    | Star
    | Complete
    | Torus
    | Exponential
    | Barbell
    | Clustered
    | ErdosRenyi
    | SmallWorld
    | ScaleFree
    | RandomRegular
    | GraphFile
    | Snowball
    | RandomWalk
    | RandomNodes
)


def build(source: GraphSource, n: int, seed: int, name: str) -> Graph:
    """The graph of a source, checked to be connected.

    Raises
    ------
    ConfigurationError
        If it is not connected, or the file can't be read.
    """
    return source.build(n, seed, name)


def build_topology(source: GraphSource, agents: int, seed: int, name: str) -> Graph:
    """The graph of a source as a topology, checked to be connected and of the right size.

    Raises
    ------
    ConfigurationError
        If it is not.
    """
    topology = build(source, agents, seed, name)
    if len(topology) != agents:
        raise ConfigurationError(
            f"{name} has {len(topology)} agents but the experiment has {agents}: use"
            f" --agents {len(topology)} (or mpirun -n {len(topology)}), or another topology"
        )
    return topology
