"""Drawings of graphs."""

from typing import TYPE_CHECKING

import networkx as nx
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from udsgd_mpi.graphs import Graph

_MOST_LABELS = 50


def draw(graph: "Graph", title: str) -> Figure:
    """Nodes and edges, numbered where there is room.

    Graphs of equal degrees are laid out on a circle, others by Kamada and Kawai's springs, or
    Fruchterman and Reingold's where they are large.
    """
    figure = Figure(figsize=(6, 6), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    drawn = graph.to_networkx()
    n = len(graph)
    if graph.degrees.min() == graph.degrees.max():
        place = nx.circular_layout(drawn)
    elif n <= 300:
        place = nx.kamada_kawai_layout(drawn)
    else:
        place = nx.spring_layout(drawn, seed=1)
    labelled = n <= _MOST_LABELS
    density = min(1.0, 300 / max(1, drawn.number_of_edges()))
    nx.draw_networkx_edges(drawn, place, ax=axes, alpha=0.15 + 0.6 * density, edge_color="#555555")
    nx.draw_networkx_nodes(
        drawn, place, ax=axes, node_size=320 if labelled else 30, node_color="#56B4E9"
    )
    if labelled:
        nx.draw_networkx_labels(drawn, place, ax=axes, font_size=9)
    axes.set_title(title)
    axes.set_axis_off()
    return figure
