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

    Floats = NDArray[np.float64]
    Places = dict[int, Floats]

_MOST_LABELS = 50
_LEAST_SIZE, _LARGEST_SIZE = 0.2, 8.0  # of a node's area, where 1 is usual


def draw(graph: "Graph", title: str) -> Figure:
    """Nodes and edges, numbered where there is room."""
    figure = new_figure(1.4)
    axes = figure.add_subplot()
    alike = np.ones(len(graph))
    _draw_on(axes, graph, places(graph), [""] * len(graph), [""], title, alike, wide=True)
    return figure


def topology_figure(
    topologies: Mapping[str, "Graph"],
    samplers: Mapping[str, list[str]],
    shares: Mapping[str, "Floats"] | None = None,
    most_edges: int | None = None,
) -> Figure:
    """The topology of every variant, its agents coloured by sampler.

    Parameters
    ----------
    shares
        What each agent has of a whole, shape (agents,), in proportion to which its area is drawn,
        within limits; variants without have agents of one size.
    most_edges
        How many of a topology are drawn at most, evenly chosen; by default all are.
    """
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
        size = _sizes((shares or {}).get(name), len(graph))
        wide = columns == 1
        _draw_on(
            axes, graph, place, samplers[name], known, name, size, wide=wide, most_edges=most_edges
        )
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
    if graph.directed:
        drawn = drawn.to_undirected()
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
    size: "Floats",
    *,
    wide: bool,
    most_edges: int | None = None,
) -> None:
    drawn = graph.to_networkx()
    labelled = wide and len(graph) <= _MOST_LABELS
    edges = list(drawn.edges)
    density = min(1.0, 300 / max(1, len(edges)))
    shade = 0.15 + 0.6 * density
    nx.draw_networkx_edges(
        drawn,
        place,
        ax=axes,
        edgelist=edges[:: max(1, -(-len(edges) // (most_edges or len(edges) or 1)))],
        alpha=shade,
        edge_color="#555555",
        width=1.0 if wide else 0.5,
    )
    usual = 320 if labelled else 30 if wide else 12
    for k, sampler in enumerate(known):
        mine = [i for i, own in enumerate(samplers) if own == sampler]
        nx.draw_networkx_nodes(
            drawn,
            place,
            ax=axes,
            nodelist=mine,
            node_size=usual * size[mine],
            node_color=_colour(k),
            node_shape=MARKS[k % len(MARKS)],
        )
    if labelled:
        nx.draw_networkx_labels(drawn, place, ax=axes, font_size=9)
    headline(axes, title)
    axes.set_axis_off()


def _sizes(shares: "Floats | None", agents: int) -> "Floats":
    """Areas in units of the usual one, shape (agents,)."""
    if shares is None:
        return np.ones(agents)
    return np.asarray(np.clip(agents * shares, _LEAST_SIZE, _LARGEST_SIZE))


def _colour(k: int) -> str:
    return COLOURS[(5, 1, 2, 3, 4, 0, 6)[k % 7]]  # the first one pale, for the numbers on it


def _same(a: "Graph", b: "Graph") -> bool:
    return np.array_equal(a.offsets, b.offsets) and np.array_equal(a.neighbours, b.neighbours)
