"""Graphs by generator, for any number of nodes."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import numpy as np
from msgspec import Meta

from udsgd_mpi.errors import ConfigurationError
from udsgd_mpi.graphs.source import GraphSource
from udsgd_mpi.lazy import lazy

if TYPE_CHECKING:
    import networkx as nx
else:
    nx = lazy("networkx")

_TRIES = 100

Probability = Annotated[float, Meta(ge=0, le=1)]
Positive = Annotated[int, Meta(ge=1)]


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


def _connected(draw: Callable[[int], "nx.Graph"], source: GraphSource, n: int) -> "nx.Graph":
    for k in range(_TRIES):
        graph = draw(k)
        if nx.is_connected(graph):
            return graph
    raise ConfigurationError(
        f"{source}: none of {_TRIES} graphs drawn on {n} nodes was connected; raise the degree"
    )
