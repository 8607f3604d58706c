"""Verdicts in words."""

from collections.abc import Iterator
from math import ceil, floor, isinf, isnan, log10

from udsgd_mpi.analysis.claims.verdict import Statement, Verdict


def as_text(verdict: Verdict) -> Iterator[str]:
    """A line with the outcome and the claim, and one for each number and remark."""
    yield f"{verdict.outcome}: {verdict.text}"
    for each in verdict.statements:
        yield f"    {each.about} = {numbers(each)} at {each.where}; claimed {claimed(each)}"
    for remark in remarks(verdict):
        yield f"    {remark}"


def with_remarks(verdict: Verdict) -> str:
    """The claim, and what is worth saying beside its verdict."""
    return ". ".join([verdict.text, " ".join(said)]) if (said := remarks(verdict)) else verdict.text


def remarks(verdict: Verdict) -> list[str]:
    """What is worth saying beside a verdict, in sentences."""
    found = [verdict.remark] if verdict.remark else []
    if verdict.trials_needed is not None:
        found.append(_to_decide(verdict.trials_needed, verdict.statements[0]))
    return found


def _to_decide(trials: float, statement: Statement) -> str:
    if isinf(trials):
        return (
            "More trials alone would probably not decide it: predictions are withheld, or their own"
            " standard errors are too large."
        )
    supposed = "ratios are 1" if statement.is_equivalence else "ratios are as measured"
    unit = 10 ** max(0, floor(log10(trials)) - 1)
    return f"If {supposed}, {ceil(trials / unit) * unit:,} trials would probably decide it."


def numbers(statement: Statement) -> str:
    """A ratio with its 95 % interval."""
    if isnan(statement.ratio.value):
        return "none"
    low, high = statement.interval
    ratio, _ = statement.ratio.interval(0.5)
    return f"{ratio:.3f} [{low:.3f}, {high:.3f}]"


def claimed(statement: Statement) -> str:
    """Where a statement has its ratio."""
    low, high = statement.claimed
    return f"below {high:g}" if low == 0 else f"{low:.3g} to {high:.3g}"
