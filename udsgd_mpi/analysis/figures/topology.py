"""Drawings of topologies."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import networkx as nx
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from udsgd_mpi.analysis.figures.style import (
    COLOURS,
    MARKS,
    headline,
    legend_columns,
    legend_lines,
    new_figure,
    panel_columns,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from udsgd_mpi.graphs import Graph

    Places = dict[int, NDArray[np.float64]]

_MOST_LABELS = 50


def draw(graph: "Graph", title: str) -> Figure:
    """Nodes and edges, numbered where there is room."""
    figure = new_figure(1.4)
    axes = figure.add_subplot()
    _draw_on(axes, graph, places(graph), [""] * len(graph), [""], title, wide=True)
    return figure


def topology_figure(topologies: Mapping[str, "Graph"], samplers: Mapping[str, list[str]]) -> Figure:
    """The topology of every variant, its agents coloured by sampler."""
    known = list(dict.fromkeys(s for each in samplers.values() for s in each))
    columns = panel_columns(list(topologies))
    rows = -(-len(topologies) // columns)
    height = 1.4 * rows / columns
    figure = new_figure(height, extra=legend_lines(known) + rows)
    grid = figure.subplots(rows, columns, squeeze=False)
    for axes in grid.ravel():
        axes.set_axis_off()
    placed: list[tuple[Graph, Places]] = []
    for axes, (name, graph) in zip(grid.ravel(), topologies.items(), strict=False):
        place = next((p for g, p in placed if _same(g, graph)), None) or places(graph)
        placed.append((graph, place))
        _draw_on(axes, graph, place, samplers[name], known, name, wide=columns == 1)
    handles = [
        figure.axes[0].plot([], [], MARKS[k % len(MARKS)], color=_colour(k), label=sampler)[0]
        for k, sampler in enumerate(known)
    ]
    figure.legend(
        handles=handles,
        loc="outside lower left",
        ncols=legend_columns(known),
        title="sampler",
        alignment="left",
    )
    return figure


def places(graph: "Graph") -> "Places":
    """Where nodes are drawn.

    Graphs of equal degrees are laid out on a circle, others by Kamada and Kawai's springs, or
    Fruchterman and Reingold's where they are large.
    """
    drawn = graph.to_networkx()
    if graph.degrees.min() == graph.degrees.max():
        place = nx.circular_layout(drawn)
    elif len(graph) <= 300:
        place = nx.kamada_kawai_layout(drawn)
    else:
        place = nx.spring_layout(drawn, seed=1)
    return dict(place)


def _draw_on(
    axes: Axes,
    graph: "Graph",
    place: "Places",
    samplers: list[str],
    known: list[str],
    title: str,
    *,
    wide: bool,
) -> None:
    drawn = graph.to_networkx()
    labelled = wide and len(graph) <= _MOST_LABELS
    density = min(1.0, 300 / max(1, drawn.number_of_edges()))
    shade = 0.15 + 0.6 * density
    nx.draw_networkx_edges(
        drawn, place, ax=axes, alpha=shade, edge_color="#555555", width=1.0 if wide else 0.5
    )
    for k, sampler in enumerate(known):
        nx.draw_networkx_nodes(
            drawn,
            place,
            ax=axes,
            nodelist=[i for i, own in enumerate(samplers) if own == sampler],
            node_size=320 if labelled else 30 if wide else 12,
            node_color=_colour(k),
            node_shape=MARKS[k % len(MARKS)],
        )
    if labelled:
        nx.draw_networkx_labels(drawn, place, ax=axes, font_size=9)
    headline(axes, title)
    axes.set_axis_off()


def _colour(k: int) -> str:
    return COLOURS[(5, 1, 2, 3, 4, 0, 6)[k % 7]]  # the first one pale, for the numbers on it


def _same(a: "Graph", b: "Graph") -> bool:
    return np.array_equal(a.offsets, b.offsets) and np.array_equal(a.neighbours, b.neighbours)
