"""Graphs on which contracts try members, and W on them as dense arrays."""

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.communication import Schedule
from udsgd_mpi.graphs import Graph
from udsgd_mpi.graphs.digraph import graph_of_arcs

DATA_GRAPHS = {
    # A clique with a tail: degrees 1, 2, 4 and 5, and a node to turn back at.
    "lollipop": nx.lollipop_graph(5, 3),
    "random": nx.connected_watts_strogatz_graph(30, 4, 0.3, seed=2),
}
TOPOLOGIES = {
    "one": nx.empty_graph(1),
    "pair": nx.path_graph(2),
    "odd ring": nx.cycle_graph(5),
    "star": nx.star_graph(6),
    "barbell": nx.barbell_graph(4, 1),
    "random": nx.connected_watts_strogatz_graph(17, 4, 0.5, seed=1),
}


def from_networkx(graph: nx.Graph, name: str = "graph") -> Graph:
    """Compress a connected graph whose nodes are 0, …, n − 1; self-loops and parallel edges go.

    A directed one has to be strongly connected.
    """
    edges = np.array([*graph.edges()], dtype=np.int64).reshape(-1, 2)
    of = graph_of_arcs if graph.is_directed() else Graph.of_edges
    return of(len(graph), edges[:, 0], edges[:, 1]).connected(name)


def matrix(schedule: Schedule, n: int, agents: int) -> NDArray[np.float64]:
    """W_n, shape (agents, agents)."""
    return schedule.mixing(n).matrix(agents) if schedule.aggregates(n) else np.eye(agents)
