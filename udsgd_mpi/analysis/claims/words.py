"""Verdicts in words."""

from collections.abc import Iterator

from udsgd_mpi.analysis.claims.verdict import Statement, Verdict


def as_text(verdict: Verdict) -> Iterator[str]:
    """A line with the outcome and the claim, and one for each number."""
    yield f"{verdict.outcome}: {verdict.text}"
    for each in verdict.statements:
        yield f"    {each.about} = {numbers(each)} at {each.where}; claimed {claimed(each)}"
    if verdict.remark:
        yield f"    {verdict.remark}"


def numbers(statement: Statement) -> str:
    """A ratio with its 95 % interval."""
    low, high = statement.interval
    ratio, _ = statement.ratio.interval(0.5)
    return f"{ratio:.3f} [{low:.3f}, {high:.3f}]"


def claimed(statement: Statement) -> str:
    """Where a statement has its ratio."""
    low, high = statement.claimed
    return f"below {high:g}" if low == 0 else f"{low:.3g} to {high:.3g}"
