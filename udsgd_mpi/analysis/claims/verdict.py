"""From the statements of a claim to a verdict."""

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

import numpy as np

from udsgd_mpi.analysis.claims.ratio import LogRatio

TAIL = 0.025

MISS = 0.1
"""Probability that a claim is not decided by as many trials as are said to decide it."""


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

    @property
    def is_equivalence(self) -> bool:
        """Whether the claim bounds the ratio on both sides."""
        return self.claimed[0] > 0

    def is_beyond(self, bounds: tuple[float, float], statements: int) -> bool:
        """Whether the interval for one of several statements is beyond one of two bounds."""
        low, high = self.ratio.interval(TAIL / statements)
        return high < bounds[0] or low > bounds[1]

    def trials_needed(self, statements: int) -> float:
        """Trials that would decide it with all others of a claim, but for ``MISS``.

        It is supposed that the ratio is in the middle of what is claimed, and where a claim bounds
        it on one side only, that it is what was measured.
        """
        if self.is_equivalence:
            low, high = np.log(self.claimed)
            return self.ratio.trials_for((high - low) / 2, TAIL, MISS / statements / 2)
        distance = float(np.log(self.claimed[1])) - self.ratio.value
        tail = TAIL if distance > 0 else TAIL / statements
        return self.ratio.trials_for(abs(distance), tail, MISS / statements)


class Verdict(NamedTuple):
    """A claim, its outcome, the numbers behind it, and a remark.

    Attributes
    ----------
    trials_needed
        Of each variant, with which the claim would likely be decided, see
        ``Statement.trials_needed``; infinite where no number is enough, None where it is decided.
    """

    text: str
    outcome: Outcome
    statements: Sequence[Statement]
    remark: str = ""
    trials_needed: float | None = None


def judge(text: str, statements: Sequence[Statement], remark: str = "") -> Verdict:
    """Whether all statements hold together.

    The claim holds if each statement's 95 % interval lies inside of what is claimed, which is two
    one-sided tests where there are two bounds. A false claim passes with a probability of at most
    2.5 %, as its false statement does (an intersection–union test; no correction for their number).
    It does not hold if a statement is refuted at 2.5 % a tail divided by their number (Bonferroni),
    so that a true claim with one tail falls with a probability of at most 2.5 %, and one with two
    with at most 5 %. Otherwise it is not decided.

    These are the probabilities for many trials. Errors are skewed, and few trials know less about
    their spread; then more than 2.5 % lies beyond the upper end of an interval, and less beyond
    the lower. Beyond the upper end lie, in per cent, for squared norms of Gaussian vectors:

    ==================  ====  ====  ====  ====
    trials              32    64    120   480
    ==================  ====  ====  ====  ====
    six components      3.2   3.0   2.9   2.6
    two components      4.1   3.5   3.2   3.0
    one component       5.0   4.2   3.7   3.0
    ==================  ====  ====  ====  ====

    A rare trial with a large error, as of first steps that explode, has no part in an interval
    until one is met.
    """
    count = len(statements)
    open_ones = [each for each in statements if not each.slack > 0]
    if any(statement.is_beyond(statement.claimed, count) for statement in statements):
        outcome = Outcome.FAILS
    elif not open_ones:
        outcome = Outcome.HOLDS
    else:
        outcome = Outcome.UNDECIDED
    worst: dict[str, Statement] = {}
    for statement in statements:
        if statement.about not in worst or statement.slack < worst[statement.about].slack:
            worst[statement.about] = statement
    needed = None
    if outcome == Outcome.UNDECIDED:
        needed = max(statement.trials_needed(count) for statement in open_ones)
    return Verdict(text, outcome, list(worst.values()), remark, needed)
