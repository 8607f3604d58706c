"""One page with everything in it: figures, tables, verdicts and where they come from."""

from base64 import b64encode
from collections.abc import Iterator, Sequence
from functools import partial
from html import escape

from udsgd_mpi.analysis.claims.verdict import Outcome, Verdict
from udsgd_mpi.analysis.claims.words import claimed, numbers, with_remarks
from udsgd_mpi.analysis.figures import FIGURES, axes_of
from udsgd_mpi.analysis.image import drawn
from udsgd_mpi.analysis.statistics import over_trials
from udsgd_mpi.analysis.study import Study
from udsgd_mpi.analysis.table import LOSSES, loss, losses_of, predicted_last, withheld

_SIGNS = {Outcome.HOLDS: "✓", Outcome.FAILS: "✗", Outcome.UNDECIDED: "?"}

_LOOK = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem;
  color: #1a1a1a; background: #fff; }
h1, h2, h3 { line-height: 1.2; }
h2 { margin-top: 3rem; border-top: 1px solid #bbb; padding-top: 1rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: 1rem 0; }
caption { text-align: left; font-weight: 600; padding: .3rem 0; }
th, td { padding: .25rem .7rem; border-bottom: 1px solid #ccc; text-align: left;
  vertical-align: top; }
.scroll { overflow-x: auto; }
.holds { color: #00543c; } .fails { color: #96240a; } .undecided { color: #5a4500; }
figure { margin: 1.5rem 0; } img { max-width: 100%; height: auto; }
figcaption, .about { color: #333; } pre { overflow-x: auto; background: #f4f4f4; padding: .7rem; }
""".strip()

MARK = "<title>Unified Distributed SGD: claims and results</title>"
"""Marks a page as written by this program."""

_CAPTIONS = {
    "mse": "Mean square error against the step, with bands of two standard errors, over the"
    " prediction.",
    "scaled": "The same over γₙ: flat where the limit is reached.",
    "last": "Error over γₙ at the last step with intervals of two standard errors, the prediction"
    " and the limit Tr V.",
    "combinations": "Error at the last step over that with the first value of the last axis, with"
    " 95 % intervals, and as predicted (line).",
    "agents": "What each agent contributes to Tr V.",
    "loss": "Training loss at the network average against the step, with bands of two standard"
    " errors, over test loss.",
    "accuracy": "Accuracy of the network average on the test part, likewise.",
    "consensus": "Consensus error against the step.",
}


def page(studies: Sequence[Study]) -> str:
    """A document without scripts or external references."""
    body = "\n".join([*_summary(studies), *(part for s in studies for part in _section(s))])
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
{MARK}
<style>
{_LOOK}
</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""


def _summary(studies: Sequence[Study]) -> Iterator[str]:
    yield "<h1>Unified Distributed SGD: claims and results</h1>"
    yield (
        "<p>A claim holds if all its 95 % confidence intervals lie where it says. It does not hold"
        " if one lies elsewhere even after correction for multiple comparisons. Otherwise it is"
        " not decided, with the number of trials that would decide it nine times out of ten.</p>"
    )
    rows = [
        (f'<a href="#{escape(study.name)}">{escape(study.name)}</a>', *_cells(verdict))
        for study in studies
        for verdict in study.verdicts
    ]
    yield _table("All claims", ("experiment", "claim", "verdict"), rows)


def _cells(verdict: Verdict) -> tuple[str, str]:
    kind = verdict.outcome.name.lower()
    sign = _SIGNS[verdict.outcome]
    shown = f'<strong class="{kind}"><span aria-hidden="true">{sign}</span> {verdict.outcome}'
    return escape(with_remarks(verdict)), shown + "</strong>"


def _section(study: Study) -> Iterator[str]:
    yield f'<section id="{escape(study.name)}">'
    yield f"<h2>{escape(study.name)}: {escape(study.title)}</h2>"
    yield f'<p class="about">{escape(study.about)}</p>'
    yield f"<p><code>{escape(study.command)}</code>: {study.size}; {study.duration}.</p>"
    yield "<h3>Verdicts</h3>"
    rows = [
        (
            *(_cells(verdict) if k == 0 else ("", "")),
            escape(f"{each.about} = {numbers(each)}, {each.where}"),
            escape(claimed(each)),
        )
        for verdict in study.verdicts
        for k, each in enumerate(verdict.statements)
    ]
    yield _table("Claims", ("claim", "verdict", "ratio [95 % interval]", "claimed"), rows)
    yield "<h3>Errors</h3>"
    yield from _errors(study)
    yield from _losses(study)
    yield "<h3>Figures</h3>"
    for kind in FIGURES:
        shown = FIGURES[kind].of(study.measured)
        if not shown or (kind == "agents" and all(each.limit is None for each in shown.values())):
            continue
        if kind == "combinations" and axes_of(shown) is None:
            continue
        svg = drawn(partial(FIGURES[kind].draw, shown), "svg", kind, metadata={"Date": None})
        image = b64encode(svg).decode()
        caption = _CAPTIONS[kind]
        told = f"{study.name}: {caption} The numbers are in the table of errors."
        yield (
            f'<figure><img src="data:image/svg+xml;base64,{image}" alt="{escape(told)}">'
            f"<figcaption>{escape(caption)}</figcaption></figure>"
        )
    yield "<details><summary>Provenance</summary>"
    origin = [
        (escape(key), escape(str(value)))
        for key, value in study.attributes.items()
        if key != "configuration"
    ]
    yield _table("Provenance", ("what", "value"), origin)
    yield f"<pre>{escape(str(study.attributes['configuration']))}</pre></details></section>"


def _errors(study: Study) -> Iterator[str]:
    rows = []
    for name, each in FIGURES["mse"].of(study.measured).items():
        gamma = each.step_size[-1]
        mse, error = over_trials(each.measure("squared_error")[-1])
        rows.append(
            (
                escape(name),
                escape(each.composition),
                f"{mse:.3e} ± {error:.0e}",
                f"{mse / gamma:.4g} ± {error / gamma:.1g}",
                predicted_last(each, gamma),
                "—" if each.limit is None else f"{each.limit:.4g}",
            )
        )
    head = ("variant", "agents", "MSE ± s.e.", "MSE / γₙ ± s.e.", "predicted", "Tr V")
    if rows:
        yield _table("Errors at the last step", head, rows)
    yield from (f"<p>{escape(line)}</p>" for line in withheld(study.measured))


def _losses(study: Study) -> Iterator[str]:
    losses = losses_of(study.measured)
    rows = [
        (escape(name), escape(each.composition), *(" ± ".join(loss(each, m)) for m in losses))
        for name, each in study.measured.items()
    ]
    head = ("variant", "agents", *(f"{LOSSES[name]} ± s.e." for name in losses))
    if losses:
        yield _table("Losses at the last step", head, rows)


def _table(caption: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    heads = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    lines = "\n".join(
        "<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows
    )
    return (
        f'<div class="scroll" tabindex="0"><table><caption>{escape(caption)}</caption>'
        f"<thead><tr>{heads}</tr></thead>\n<tbody>\n{lines}\n</tbody></table></div>"
    )
