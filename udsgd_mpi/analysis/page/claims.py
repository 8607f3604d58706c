"""The page of shipped experiments: their claims with verdicts, and their results."""

from collections.abc import Iterator, Sequence
from html import escape

from udsgd_mpi.analysis.claims.verdict import Outcome, Verdict
from udsgd_mpi.analysis.claims.words import claimed, numbers, with_remarks
from udsgd_mpi.analysis.page.document import document, table
from udsgd_mpi.analysis.page.results import sections
from udsgd_mpi.analysis.study import Study

_SIGNS = {Outcome.HOLDS: "✓", Outcome.FAILS: "✗", Outcome.UNDECIDED: "?"}

_TITLE = "Unified Distributed SGD: claims and results"

MARK = f"<title>{_TITLE}</title>"
"""Marks a page as written by this program."""


def page(studies: Sequence[Study]) -> str:
    """A document without scripts or external references.

    Raises
    ------
    OutputError
        If a figure can't be drawn.
    """
    body = [*_summary(studies), *(part for each in studies for part in _section(each))]
    return document(_TITLE, body)


def _summary(studies: Sequence[Study]) -> Iterator[str]:
    yield f"<h1>{_TITLE}</h1>"
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
    yield table("All claims", ("experiment", "claim", "verdict"), rows)


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
    yield table("Claims", ("claim", "verdict", "ratio [95 % interval]", "claimed"), rows)
    yield from sections(study.name, study.results)
    yield "</section>"
