"""Verdicts as a Markdown document."""

from collections.abc import Iterator, Sequence

from udsgd_mpi.analysis.claims.words import claimed, numbers, with_remarks
from udsgd_mpi.analysis.statistics import over_trials
from udsgd_mpi.analysis.study import Study
from udsgd_mpi.analysis.table import LOSSES, loss, losses_of, predicted_last, withheld

MARK = "<!-- written by udsgd reproduce -->"
"""Marks a document as written by this program."""


def document(studies: Sequence[Study]) -> str:
    """A section for each study: what computed it, its errors, its claims."""
    return "\n".join([MARK, "", *(line for study in studies for line in _section(study))])


def _section(study: Study) -> Iterator[str]:
    yield f"## {study.name}: {study.title}\n"
    yield f"{study.about}\n"
    yield f"`{study.command}` — {study.size}; {study.duration}, {study.origin}.\n"
    yield from _errors(study)
    yield from _losses(study)
    yield "\n| claim | verdict | ratio [95 % interval] | claimed |"
    yield "|---|---|---|---|"
    for verdict in study.verdicts:
        for k, found in enumerate(verdict.statements):
            claim = f"{with_remarks(verdict)} | **{verdict.outcome}**" if k == 0 else " | "
            shown = f"{found.about} = {numbers(found)}, {found.where}"
            yield f"| {claim} | {shown} | {claimed(found)} |"
    yield ""


def _errors(study: Study) -> Iterator[str]:
    having = {
        name: each for name, each in study.measured.items() if "squared_error" in each.measures
    }
    if not having:
        return
    yield "| variant | agents | n · MSE ± s.e. | predicted | Tr V |"
    yield "|---|---|---|---|---|"
    for name, each in having.items():
        n = each.step[-1]
        mse, error = over_trials(each.measure("squared_error")[-1])
        expected = predicted_last(each, 1 / n)
        limit = "—" if each.limit is None else f"{each.limit:.4g}"
        yield (
            f"| {name} | {each.composition} | {n * mse:.4g} ± {n * error:.1g} | {expected}"
            f" | {limit} |"
        )
    yield from (f"\n{line}" for line in withheld(study.measured))


def _losses(study: Study) -> Iterator[str]:
    if not (losses := losses_of(study.measured)):
        return
    yield f"\n| variant | agents | {' | '.join(f'{LOSSES[name]} ± s.e.' for name in losses)} |"
    yield "|---" * (2 + len(losses)) + "|"
    for name, each in study.measured.items():
        cells = [" ± ".join(loss(each, measure)) for measure in losses]
        yield f"| {name} | {each.composition} | {' | '.join(cells)} |"
