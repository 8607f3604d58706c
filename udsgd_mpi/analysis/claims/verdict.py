"""From the statements of a claim to a verdict."""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from udsgd_mpi.analysis.claims.ratio import LogRatio

TAIL = 0.025


class Outcome(StrEnum):
    """What the results say about a claim."""

    HOLDS = "holds"
    FAILS = "does not hold"
    UNDECIDED = "not decided at this size"


class Statement(NamedTuple):
    """That a ratio lies where the claim says.

    Attributes
    ----------
    about
        Which ratio; statements about the same are shown by the least favourable one.
    where
        Step, time or traffic at which it is taken.
    claimed
        Bounds between which the claim has the ratio.
    step
        The last step at which it is taken, where steps are what it is taken at.
    """

    about: str
    where: str
    ratio: LogRatio
    claimed: tuple[float, float]
    step: int = 0

    @property
    def interval(self) -> tuple[float, float]:
        """The ratio's 95 % confidence interval."""
        return self.ratio.interval(TAIL)

    @property
    def slack(self) -> float:
        """Distance of the interval from the nearer bound of the claim; negative beyond it."""
        low, high = self.interval
        return min(low - self.claimed[0], self.claimed[1] - high)

    def is_beyond(self, bounds: tuple[float, float], statements: int) -> bool:
        """Whether the interval for one of several statements is beyond one of two bounds."""
        low, high = self.ratio.interval(TAIL / statements)
        return high < bounds[0] or low > bounds[1]


class Verdict(NamedTuple):
    """A claim, its outcome, the numbers behind it, and a remark."""

    text: str
    outcome: Outcome
    statements: Sequence[Statement]
    remark: str = ""


def judge(text: str, statements: Sequence[Statement], remark: str = "") -> Verdict:
    """Whether all statements hold together.

    The claim holds if each statement's 95 % interval lies inside of what is claimed; a false claim
    passes with a probability of at most 2.5 %, as its false statement does (an intersection–union
    test; no correction for their number). It does not hold if a statement is refuted at 2.5 % a
    tail divided by their number (Bonferroni), so that a true claim with one tail falls with a
    probability of at most 2.5 %, and one with two with at most 5 %. These are the probabilities for
    many trials; of 60 trials of skewed errors they come out up to half as large again.
    """
    if any(statement.is_beyond(statement.claimed, len(statements)) for statement in statements):
        outcome = Outcome.FAILS
    elif all(statement.slack > 0 for statement in statements):
        outcome = Outcome.HOLDS
    else:
        outcome = Outcome.UNDECIDED
    worst: dict[str, Statement] = {}
    for statement in statements:
        if statement.about not in worst or statement.slack < worst[statement.about].slack:
            worst[statement.about] = statement
    return Verdict(text, outcome, list(worst.values()), remark)
