"""Graphs in files: whole, or connected parts of large ones."""

from pathlib import Path
from typing import Annotated, ClassVar, Self

import numpy as np
from msgspec import Meta, structs
from numpy.typing import NDArray

from udsgd_mpi.data.archive import GRAPHS, fetch
from udsgd_mpi.graphs.csr import Graph
from udsgd_mpi.graphs.files import read_digraph, read_graph
from udsgd_mpi.graphs.source import GraphSource
from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.support.file_names import is_of_agents, names_file, of_agent

Nodes = NDArray[np.int64]


class InFile(GraphSource, frozen=True):
    """A source that reads a file: its path, or the name of a well-known graph.

    ``{agent}`` in a path stands for each agent's number, ``{agent:02d}`` for 00, 01, ….
    """

    path: Annotated[str, names_file(GRAPHS)]

    def __post_init__(self) -> None:
        is_of_agents(self.path)

    @property
    def is_of_agents(self) -> bool:
        return is_of_agents(self.path)

    def of_agent(self, agent: int) -> Self:
        return structs.replace(self, path=str(of_agent(self.path, agent)))

    @property
    def file(self) -> Path:
        """The file, fetched where the path is a name."""
        return fetch(GRAPHS[self.path]) if self.path in GRAPHS else Path(self.path)


class GraphFile(InFile, frozen=True, tag="file"):
    """A graph file: an edge list, a table, a matrix, GML, …; see ``graphs.formats``.

    Parameters
    ----------
    directed
        Whether its edges lead one way, from the first to the second node or from row to column;
        those of formats that say that theirs lead both ways do.
    """

    random: ClassVar[bool] = False
    directed: bool = False

    def whole(self) -> Graph:
        return read_digraph(self.file) if self.directed else read_graph(self.file)

    def build(self, n: int, seed: int, name: str, whole: Graph | None = None) -> Graph:
        return (self.whole() if whole is None else whole).connected(name)


class SubGraph(InFile, frozen=True):
    """A connected sub-graph of a big graph file: all edges between some n of its nodes.

    Parameters
    ----------
    core
        Drawn within the largest connected part of the k-core: the nodes that are left when those
        with fewer than ``core`` neighbours are removed again and again.
    """

    core: Annotated[int, Meta(ge=0)] = 0

    def whole(self) -> Graph:
        big = read_graph(self.file)
        return big.induced(self.eligible(big)) if self.core else big

    def eligible(self, big: Graph) -> Nodes:
        """Nodes that are drawn from, ascending."""
        if not self.core:
            return np.arange(len(big))
        nodes = big.core(self.core)
        return np.asarray(nodes[big.induced(nodes).largest_part()])

    def build(self, n: int, seed: int, name: str, whole: Graph | None = None) -> Graph:
        whole = self.whole() if whole is None else whole
        return whole.induced(self.drawn(whole, n, seed, name))

    def drawn(self, whole: Graph, n: int, seed: int, name: str) -> Nodes:
        """The nodes, as ``whole`` numbers them.

        Raises
        ------
        ConfigurationError
            If there are fewer.
        """
        rng = np.random.default_rng(seed)
        first = int(rng.integers(max(1, len(whole))))
        found = self.choose(whole, first, n, rng) if len(whole) else np.arange(0)
        if 0 < len(found) < n:  # it began in a small part
            largest = whole.largest_part()
            first = int(largest[rng.integers(len(largest))])
            found = self.choose(whole, first, n, rng)
        if len(found) < n:
            raise ConfigurationError(
                f"{name}: expected at least {n} connected nodes to draw from, got {len(found)}; use"
                " a larger graph, a smaller core or fewer points"
            )
        return found

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

    Nodes are taken in random order until n of them are connected; of a part that turns out
    larger, the first n in breadth-first order.
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
