"""Agents in pictures: their topology, what they add to Tr V, and their errors."""

from collections.abc import Callable, Iterator
from functools import partial
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from udsgd_mpi.analysis.contributions import contributions
from udsgd_mpi.analysis.figures import FIGURES, agent_errors_figure, topology_figure
from udsgd_mpi.analysis.page.document import figure, table
from udsgd_mpi.analysis.results import Results
from udsgd_mpi.problem import topology_of
from udsgd_mpi.support.errors import ConfigurationError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from udsgd_mpi.graphs import Graph

_MOST_PANELS = 12  # variants whose agents are drawn
_MOST_NODES, _MOST_EDGES = 6000, 3000  # drawn of all topologies, of one
_MOST_ERRORS = 6  # variants in the figure of agents' errors


def contributors(name: str, results: Results) -> Iterator[str]:
    """Topologies and what agents add to Tr V, in pictures; numbers are in the next section."""
    yield "<h3>Who contributes what</h3>"
    told = "The numbers are in the table of agents below."
    graphs, left_out = _topologies(results)
    if graphs:
        samplers = {each: results.measured[each].samplers for each in graphs}
        shares = {}
        for each in graphs:
            found = contributions(results.measured[each])
            if found is not None and found.own.sum() > 0:
                shares[each] = found.own / found.own.sum()
        caption = "The agents' topology: areas are shares of Tr V, colours and marks are samplers."
        if any(len(graph.neighbours) // 2 > _MOST_EDGES for graph in graphs.values()):
            caption += f" Of many edges some {_MOST_EDGES:,} are drawn."
        draw = partial(topology_figure, graphs, samplers, shares, _MOST_EDGES)
        yield figure(draw, f"{name}: {caption} {told}", caption)
    for line in left_out:
        yield f"<p>{escape(line)}</p>"
    shown = {
        each: variant
        for each, variant in results.measured.items()
        if variant.agent_traces is not None and np.isfinite(variant.agent_traces).all()
    }
    if shown:
        some = dict([*shown.items()][:_MOST_PANELS])
        caption = "What each agent contributes to Tr V."
        if len(some) < len(shown):
            caption += f" Of the first {_MOST_PANELS} variants; udsgd report --show agents has all."
        draw = partial(FIGURES["agents"].draw, some)
        yield figure(draw, f"{name}: {caption} {told}", caption)


def agent_errors(name: str, results: Results) -> Iterator[str]:
    """Errors of all agents at some steps, where the file holds them."""
    yield "<h3>Agents' errors</h3>"
    shown = dict([*results.agent_errors.items()][:_MOST_ERRORS])
    if not shown:
        yield (
            '<p>Not in the file: <code>record.detail = "iterates"</code> stores the iterates of all'
            " agents, <code>record.loss = true</code> their losses.</p>"
        )
        return
    symbol = next(iter(shown.values())).symbol
    samplers = {each: results.measured[each].samplers for each in shown}
    caption = f"{symbol} of every agent i at some steps n, on average over trials."
    if len(shown) < len(results.agent_errors):
        caption += f" Of the first {_MOST_ERRORS} variants."
    told = f"{name}: {caption} Medians and extremes are in the table below."
    draw: Callable[[], Figure] = partial(agent_errors_figure, shown, samplers)
    yield figure(draw, told, caption)
    rows = [
        (escape(each), f"{n:,}", *(f"{value:.3e}" for value in np.quantile(values, [0, 0.5, 1])))
        for each, found in shown.items()
        for n, values in zip(found.step.tolist(), found.values, strict=True)
    ]
    yield table(f"{symbol} over agents", ("variant", "n", "least", "median", "largest"), rows)


def _topologies(results: Results) -> tuple[dict[str, "Graph"], list[str]]:
    """Those that are drawn, and which are not, and why."""
    graphs: dict[str, Graph] = {}
    left_out, nodes, more = [], 0, 0
    for name, each in results.measured.items():
        if graphs and (len(graphs) == _MOST_PANELS or nodes + len(each.samplers) > _MOST_NODES):
            more += 1
            continue
        try:
            graphs[name] = topology_of(results.experiments[name], len(each.samplers))
            nodes += len(each.samplers)
        except ConfigurationError as error:  # such as that of a file that is elsewhere now
            left_out.append(f"{name}: the topology is not drawn: {error}")
    if more:
        left_out.append(f"Those of {more:,} further variants: udsgd report --show topology")
    return graphs, left_out
