"""The page of result files, and the sections that show one of them."""

from collections.abc import Callable, Iterator, Mapping
from functools import partial
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from udsgd_mpi.analysis.constant_steps import constant_steps
from udsgd_mpi.analysis.contributions import contributions
from udsgd_mpi.analysis.figures import FIGURES, agent_errors_figure, axes_of, topology_figure
from udsgd_mpi.analysis.page.document import document, figure, table, text
from udsgd_mpi.analysis.page.upgrades import upgrades
from udsgd_mpi.analysis.remarks import remarks
from udsgd_mpi.analysis.results import Results
from udsgd_mpi.analysis.statistics import over_trials
from udsgd_mpi.analysis.table import cells, predicted_last, withheld
from udsgd_mpi.analysis.telemetry_summary import summary
from udsgd_mpi.problem import topology_of
from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.support.units import in_bytes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from udsgd_mpi.graphs import Graph

MARK = '<meta name="generator" content="udsgd_mpi report">'
"""Marks a page as written by this program."""

_CAPTIONS = {
    "mse": "Mean square error against the step, with bands of two standard errors, over the"
    " prediction.",
    "scaled": "The same over γₙ: flat where the limit is reached.",
    "last": "Error over γₙ at the last step with intervals of two standard errors, the prediction"
    " and the limit Tr V.",
    "combinations": "Error at the last step over that with the first value of the last axis, with"
    " 95 % intervals, and as predicted (line).",
    "loss": "Training loss at the network average against the step, with bands of two standard"
    " errors, over test loss.",
    "accuracy": "Accuracy of the network average on the test part, likewise.",
    "consensus": "Consensus error against the step.",
}
_OF_AGENTS = "What each agent contributes to Tr V."

_MOST_PANELS = 12  # variants whose agents are drawn
_MOST_NODES, _MOST_EDGES = 6000, 3000  # drawn of all topologies, of one
_MOST_ERRORS = 6  # variants in the figure of agents' errors
_MOST_RANKS = 64  # in the table of telemetry


def page(files: Mapping[str, Results]) -> str:
    """A document about result files, by name, without scripts or external references.

    Raises
    ------
    OutputError
        If a figure can't be drawn.
    """
    title = f"Unified Distributed SGD: {', '.join(files)}"
    body = [f"<h1>{escape(title)}</h1>"]
    if len(files) > 1:
        links = (f'<li><a href="#file-{k}">{escape(name)}</a></li>' for k, name in enumerate(files))
        body += ['<nav aria-label="Files"><ul>', *links, "</ul></nav>"]
    for k, (name, results) in enumerate(files.items()):
        heads = dict.fromkeys(each.title for each in results.measured.values())
        about = "; ".join(head for head in heads if head)
        body += [f'<section id="file-{k}">', f"<h2>{escape(name)}</h2>"]
        body += [f'<p class="about">{escape(about)}</p>'] if about else []
        body += [*sections(name, results), "</section>"]
    return document(title, body, MARK)


def sections(name: str, results: Results) -> Iterator[str]:
    """All that is shown of a result file, under headings of the third order.

    Parameters
    ----------
    name
        Of the file, in descriptions.
    """
    yield from _signs(results)
    yield from _errors(results)
    yield from _curves(name, results)
    yield from _agents(name, results)
    yield "<h3>Which agent to upgrade next</h3>"
    yield from upgrades(results.measured)
    yield from _agent_errors(name, results)
    yield from _telemetry(results)
    yield from _provenance(results)


def _signs(results: Results) -> Iterator[str]:
    yield "<h3>Signs of trouble</h3>"
    found = [(name, each) for name, those in results.troubles.items() for each in those]
    if not found:
        yield "<p>None.</p>"
        return
    yield "<ul>"
    for name, each in found:
        yield (
            f'<li><strong class="trouble">{escape(name)}: {escape(each.name)}</strong>:'
            f" {escape(each.text)}.<br>Remedy: {escape(each.remedy)}.</li>"
        )
    yield "</ul>"


def _errors(results: Results) -> Iterator[str]:
    """The table and the remarks that ``udsgd report`` prints, and errors in units of γ_n."""
    measured = results.measured
    yield "<h3>Errors</h3>"
    head, rows = cells(measured)
    yield table("At the last step", head, ([escape(cell) for cell in row] for row in rows))
    scaled = []
    for name, each in FIGURES["mse"].of(measured).items():
        gamma = each.step_size[-1]
        mse, error = over_trials(each.measure("squared_error")[-1])
        scaled.append(
            (
                escape(name),
                f"{mse / gamma:.4g} ± {error / gamma:.1g}",
                predicted_last(each, gamma),
                "—" if each.limit is None else f"{each.limit:.4g}",
            )
        )
    if scaled:
        head = ("variant", "MSE / γₙ ± s.e.", "predicted", "Tr V")
        yield table("In units of the step size γₙ at the last step", head, scaled)
    for line in [*withheld(measured), *remarks(measured)]:
        yield f"<p>{escape(line)}</p>"
    if settled := constant_steps(measured, results.experiments):
        yield text(settled, "Constant steps")


def _curves(name: str, results: Results) -> Iterator[str]:
    yield "<h3>Curves</h3>"
    for kind, caption in _CAPTIONS.items():
        shown = FIGURES[kind].of(results.measured)
        if shown and (kind != "combinations" or axes_of(shown) is not None):
            told = f"{name}: {caption} The numbers are in the table of errors."
            yield figure(partial(FIGURES[kind].draw, shown), told, caption)


def _agents(name: str, results: Results) -> Iterator[str]:
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
        caption = _OF_AGENTS
        if len(some) < len(shown):
            caption += f" Of the first {_MOST_PANELS} variants; udsgd report --show agents has all."
        draw = partial(FIGURES["agents"].draw, some)
        yield figure(draw, f"{name}: {caption} {told}", caption)


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


def _agent_errors(name: str, results: Results) -> Iterator[str]:
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


def _telemetry(results: Results) -> Iterator[str]:
    yield "<h3>Telemetry</h3>"
    if not results.telemetry:
        yield "<p>The file holds none.</p>"
        return
    for name, lines in results.telemetry.items():
        yield f"<p>{escape(name)}: {escape(summary(lines))}</p>"
    rows = [
        (
            escape(name),
            *(str(value) for value in (row.part, row.rank)),
            escape(row.host),
            f"{row.first_agent}–{row.first_agent + row.agents - 1}",
            *(f"{s:.3g}" for s in (row.sampling, row.gradient, row.mixing)),
            *(f"{s:.3g}" for s in (row.waiting, row.recording)),
            f"{row.messages:,}",
            in_bytes(row.bytes_sent),
            in_bytes(row.peak_memory),
        )
        for name, lines in results.telemetry.items()
        for row in lines
    ]
    if len(rows) > _MOST_RANKS:
        yield f"<p>Of {len(rows):,} ranks the first {_MOST_RANKS} are listed.</p>"
    head = "variant part rank host agents sampling gradients mixing waiting recording"
    last = ("messages", "sent", "memory")
    yield table("Seconds and traffic of each rank", (*head.split(), *last), rows[:_MOST_RANKS])


def _provenance(results: Results) -> Iterator[str]:
    yield "<h3>Provenance</h3>"
    yield "<details><summary>Versions, hosts, settings</summary>"
    origin = [
        (escape(key), escape(str(value)))
        for key, value in results.attributes.items()
        if key != "configuration"
    ]
    yield table("Provenance", ("what", "value"), origin)
    yield text(str(results.attributes["configuration"]), "Settings") + "</details>"
