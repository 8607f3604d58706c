"""The page of result files, and the sections that show one of them."""

from collections.abc import Iterator, Mapping
from functools import partial
from html import escape

from udsgd_mpi.analysis.constant_steps import constant_steps
from udsgd_mpi.analysis.figures import FIGURES, axes_of
from udsgd_mpi.analysis.page.agents import agent_errors, contributors
from udsgd_mpi.analysis.page.document import document, figure, table, text
from udsgd_mpi.analysis.page.upgrades import upgrades
from udsgd_mpi.analysis.remarks import remarks
from udsgd_mpi.analysis.results import Results
from udsgd_mpi.analysis.statistics import over_trials
from udsgd_mpi.analysis.table import cells, predicted_last, withheld
from udsgd_mpi.analysis.telemetry_summary import summary
from udsgd_mpi.support.units import in_bytes

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
    yield from contributors(name, results)
    yield "<h3>Which agent to upgrade next</h3>"
    yield from upgrades(results.measured)
    yield from agent_errors(name, results)
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
