"""Graphs by generator, for any number of nodes."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from udsgd_mpi.graphs.csr import Graph
from udsgd_mpi.graphs.digraph import graph_of_arcs
from udsgd_mpi.graphs.random_edges import erdos_renyi_edges, scale_free_edges, small_world_edges
from udsgd_mpi.graphs.source import GraphSource
from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.support.lazy import lazy_module

if TYPE_CHECKING:
    import networkx as nx
else:
    nx = lazy_module("networkx")

_TRIES = 100

Probability = Annotated[float, Meta(ge=0, le=1)]
Positive = Annotated[int, Meta(ge=1)]


class Generator(GraphSource, frozen=True):
    """A graph on any number of nodes, by a formula or at random."""

    def draw(self, n: int, seed: int) -> Graph:
        """A graph on the nodes 0, …, n − 1; random ones depend on the seed alone."""
        raise NotImplementedError

    def build(self, n: int, seed: int, name: str, whole: Graph | None = None) -> Graph:
        return self.draw(n, seed).connected(name)


class Formula(Generator, frozen=True):
    """A graph that is the same for every seed."""

    random: ClassVar[bool] = False


class Ring(Formula, frozen=True, tag="ring"):
    """A cycle."""

    def draw(self, n: int, seed: int) -> Graph:
        return _circulant(n, [1])


class Star(Formula, frozen=True, tag="star"):
    """Node 0 is a neighbour of all others, and they have no other."""

    def draw(self, n: int, seed: int) -> Graph:
        return Graph.of_edges(n, np.zeros(n - 1, dtype=np.int64), np.arange(1, n))


class Complete(Formula, frozen=True, tag="complete"):
    """All nodes are neighbours."""

    def draw(self, n: int, seed: int) -> Graph:
        return _complete(n)


class Torus(Formula, frozen=True, tag="torus"):
    """A periodic grid, as square as n allows."""

    def draw(self, n: int, seed: int) -> Graph:
        rows = next(r for r in range(int(n**0.5), 0, -1) if n % r == 0)
        node = np.arange(n).reshape(rows, -1)
        right, below = np.roll(node, -1, axis=1), np.roll(node, -1, axis=0)
        heads = np.concatenate([right.ravel(), below.ravel()])
        return Graph.of_edges(n, np.tile(node.ravel(), 2), heads)


class Exponential(Formula, frozen=True, tag="exponential"):
    """Node i is a neighbour of i ± 2^k for every 2^k < n."""

    def draw(self, n: int, seed: int) -> Graph:
        return _circulant(n, _powers_below(n))


class DirectedRing(Formula, frozen=True, tag="directed_ring"):
    """Node i tells node i + 1 (mod n)."""

    def draw(self, n: int, seed: int) -> Graph:
        return graph_of_arcs(n, *_arcs_onwards(n, [1]))


class DirectedExponential(Formula, frozen=True, tag="directed_exponential"):
    """Node i tells node i + 2^k (mod n) for every 2^k < n (Assran et al., ICML 2019)."""

    def draw(self, n: int, seed: int) -> Graph:
        return graph_of_arcs(n, *_arcs_onwards(n, _powers_below(n)))


class Barbell(Formula, frozen=True, tag="barbell"):
    """Two cliques of n // 2 nodes; an odd node stands on the bridge between them."""

    def draw(self, n: int, seed: int) -> Graph:
        half = n // 2
        return _cliques(n, np.unique([0, half, n - half]))


class Clustered(Formula, frozen=True, tag="clustered"):
    """Cliques of nearly equal size, joined in a ring by single edges."""

    clusters: Positive = 4

    def draw(self, n: int, seed: int) -> Graph:
        parts = [part for part in np.array_split(np.arange(n), self.clusters) if len(part)]
        return _cliques(n, np.array([part[0] for part in parts]), closed=True)


class ErdosRenyi(Generator, frozen=True, tag="erdos_renyi"):
    """Every pair is joined with one probability; drawn again until connected."""

    mean_degree: Annotated[float, Meta(gt=0)] = 6.0

    def draw(self, n: int, seed: int) -> Graph:
        p = min(1.0, self.mean_degree / max(1, n - 1))
        if p == 1:
            return _complete(n)
        return _connected(lambda k: _graph(n, erdos_renyi_edges(n, p, seed + k)), self, n)


class SmallWorld(Generator, frozen=True, tag="small_world"):
    """A ring of k nearest neighbours with edges rewired with probability p (Watts, Strogatz)."""

    k: Positive = 4
    p: Probability = 0.1

    def draw(self, n: int, seed: int) -> Graph:
        if n <= self.k:
            return _complete(n)
        return _connected(
            lambda i: _graph(n, small_world_edges(n, self.k, self.p, seed + i)), self, n
        )


class ScaleFree(Generator, frozen=True, tag="scale_free"):
    """Preferential attachment of nodes with m edges each (Barabási, Albert)."""

    m: Positive = 3

    def draw(self, n: int, seed: int) -> Graph:
        if n <= self.m:
            return _complete(n)
        return _graph(n, scale_free_edges(n, self.m, seed))


class RandomRegular(Generator, frozen=True, tag="random_regular"):
    """Every node has the same degree; drawn again until connected."""

    degree: Positive = 4

    def draw(self, n: int, seed: int) -> Graph:
        if n <= self.degree:
            return _complete(n)
        if n * self.degree % 2:
            raise ConfigurationError(
                f"random_regular: {n} nodes of degree {self.degree} do not exist, since"
                " nodes · degree must be even; change the degree"
            )
        return _connected(lambda k: self._drawn(n, seed + k), self, n)

    def _drawn(self, n: int, seed: int) -> Graph:
        edges = nx.random_regular_graph(self.degree, n, seed=seed).edges
        return _graph(n, np.array(list(edges), dtype=np.int64))


def _connected(draw: Callable[[int], Graph], source: Generator, n: int) -> Graph:
    for k in range(_TRIES):
        graph = draw(k)
        if graph.is_connected:
            return graph
    raise ConfigurationError(
        f"{source}: none of {_TRIES} graphs drawn on {n} nodes was connected; raise the degree"
    )


def _graph(n: int, edges: NDArray[np.int64]) -> Graph:
    return Graph.of_edges(n, edges[:, 0], edges[:, 1])


def _circulant(n: int, offsets: list[int]) -> Graph:
    """Node i is a neighbour of i ± each of the offsets."""
    return Graph.of_edges(n, *_arcs_onwards(n, offsets))


def _arcs_onwards(n: int, offsets: list[int]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """From node i to i + each of the offsets."""
    tails = np.tile(np.arange(n), len(offsets))
    heads = (tails + np.repeat(offsets, n)) % n
    return tails, heads.astype(np.int64)


def _powers_below(n: int) -> list[int]:
    """1, 2, 4, … below n."""
    return [2**k for k in range((n - 1).bit_length())]


def _complete(n: int) -> Graph:
    """Without a list of edges to be sorted, which would take ten times the memory."""
    neighbours = np.tile(np.arange(n - 1, dtype=np.int32), (n, 1))
    neighbours += np.arange(n - 1) >= np.arange(n)[:, None]
    return Graph(np.arange(n + 1, dtype=np.int64) * (n - 1), neighbours.ravel())


def _cliques(n: int, firsts: NDArray[np.int64], *, closed: bool = False) -> Graph:
    """Cliques of consecutive nodes; the last of one is joined to the first of the next.

    Parameters
    ----------
    firsts
        First node of each clique, ascending; the first is 0.
    closed
        Whether the last clique is joined to the first.
    """
    stops = np.append(firsts[1:], n)
    size = np.repeat(stops - firsts, stops - firsts)
    tails = np.repeat(np.arange(n), size)
    place = np.arange(len(tails)) - np.repeat(np.cumsum(size) - size, size)
    heads = np.repeat(np.repeat(firsts, stops - firsts), size) + place
    once = tails < heads
    bridges = np.stack([stops - 1, stops % n])[:, : None if closed else -1]
    inside = np.stack([tails[once], heads[once]])
    return Graph.of_edges(n, *np.concatenate([inside, bridges], axis=1))
