"""That errors are the same."""

from collections.abc import Mapping
from typing import Annotated

import numpy as np
from msgspec import Meta

from udsgd_mpi.analysis.claims.base import ERROR, Claim, MeasureOfTrials, rows_between, scores, span
from udsgd_mpi.analysis.claims.ratio import ratio
from udsgd_mpi.analysis.claims.verdict import Statement
from udsgd_mpi.storage.measured import Measured


class Same(Claim, frozen=True, tag="same", kw_only=True):
    """The error of every variant is within a margin of the first one's.

    An equivalence test. The claim about two variants of 120 trials, within 10 %, in per cent of
    results. Errors are squared norms of Gaussian vectors of six components, which in the same trial
    of both variants have a correlation:

    ==============================  ====  ====  ====  ====  ====  ====
    true ratio                      1     1.05  1.1   1.15  1.2   1.3
    ==============================  ====  ====  ====  ====  ====  ====
    correlation 0: holds            0     0     0     0     0     0
    correlation 0: does not hold    0     1     2     8     21    61
    correlation 0.9: holds          66    30    3     0     0     0
    correlation 0.9: does not hold  0     0     3     27    75    100
    ==============================  ====  ====  ====  ====  ====  ====

    Otherwise it is not decided.

    Parameters
    ----------
    margin
        Ratios lie between 1 / (1 + margin) and 1 + margin.
    measure
        What is compared in place of n · ‖θ_n − θ*‖², such as ``"test_accuracy"``.
    since
        At every recorded step from here on; by default at the last.
    pooled
        Whether errors are averaged over these steps instead of being compared
        at each.
    each_agent
        Whether errors are multiplied by the number of agents.
    """

    margin: Annotated[float, Meta(gt=0)]
    measure: MeasureOfTrials = ERROR
    since: Annotated[int, Meta(ge=1)] | None = None
    pooled: bool = False
    each_agent: bool = False

    def statements(self, measured: Mapping[str, Measured]) -> list[Statement]:
        return self._compared(measured, self.since)

    def remark(self, measured: Mapping[str, Measured]) -> str:
        """From which recorded step on every interval meets the margin."""
        if self.pooled:
            return ""
        apart = [
            statement.step
            for statement in self._compared(measured, 1)
            if statement.interval[1] < statement.claimed[0]
            or statement.interval[0] > statement.claimed[1]
        ]
        step = next(iter(self.chosen(measured).values())).step
        later = step[step > max(apart, default=0)]
        if len(later) == 0:
            return "At the last step an interval still lies outside the margin."
        return f"No interval lies outside the margin from n = {later[0]:,} on."

    def _compared(self, measured: Mapping[str, Measured], since: int | None) -> list[Statement]:
        chosen = self.chosen(measured)
        names = list(chosen)
        bounds = (1 / (1 + self.margin), 1 + self.margin)
        found = []
        for name in names[1:]:
            first, other = chosen[names[0]], chosen[name]
            rows = rows_between(other, since)
            for some in [rows] if self.pooled else rows[:, None]:
                theirs = np.searchsorted(first.step, other.step[some])
                compared = ratio(
                    scores(other, some, self.measure, each_agent=self.each_agent),
                    scores(first, theirs, self.measure, each_agent=self.each_agent),
                )
                about = f"{name} / {names[0]}"
                where, last = span(other, some), int(other.step[some[-1]])
                found.append(Statement(about, where, compared, bounds, last))
        return found
