"""Topologies on which patterns are tried."""

import networkx as nx

TOPOLOGIES = {
    "one": nx.empty_graph(1),
    "pair": nx.path_graph(2),
    "odd ring": nx.cycle_graph(5),
    "star": nx.star_graph(6),
    "barbell": nx.barbell_graph(4, 1),
    "random": nx.connected_watts_strogatz_graph(17, 4, 0.5, seed=1),
}
