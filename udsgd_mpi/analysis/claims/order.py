"""That errors come in an order."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated

import numpy as np
from msgspec import Meta

from udsgd_mpi.analysis.abscissa import against
from udsgd_mpi.analysis.claims.base import ERROR, Claim, MeasureOfTrials, rows_between, scores, span
from udsgd_mpi.analysis.claims.ratio import Scores, ratio
from udsgd_mpi.analysis.claims.verdict import Statement
from udsgd_mpi.storage.read import Measured


class Order(Claim, frozen=True, tag="order", kw_only=True):
    """Each variant's error is below the next one's, or below a fraction of it.

    The claim about two variants of 120 trials, with ``by = 1``, in per cent of results. Errors are
    independent squared norms of Gaussian vectors of so many components; those that go together in
    the same trial tell smaller differences:

    ===========================  ====  ====  ====  ====  ====  ====  ====
    true ratio                   0.7   0.8   0.9   1     1.1   1.2   1.4
    ===========================  ====  ====  ====  ====  ====  ====  ====
    6 components: holds          100   84    28    3     0     0     0
    6 components: does not hold  0     0     0     2     24    68    99
    2 components: holds          78    40    12    2     0     0     0
    2 components: does not hold  0     0     0     2     11    31    74
    ===========================  ====  ====  ====  ====  ====  ====  ====

    Otherwise it is not decided.

    Parameters
    ----------
    measure
        What is compared in place of ‖θ_n − θ*‖², such as ``"training_loss"``.
    since
        It is averaged over the recorded steps from here on, ‖θ_n − θ*‖² times n; by default it is
        that of the last step.
    seconds
        Instead: errors when so many seconds have passed on the virtual clock for the slowest agent,
        or as many as the shortest of the variants lasted.
    by
        Upper bound of the ratio of an error to the next one's.
    """

    measure: MeasureOfTrials = ERROR
    since: Annotated[int, Meta(ge=1)] | None = None
    seconds: Annotated[float, Meta(gt=0)] | None = None
    by: Annotated[float, Meta(gt=0)] = 1.0

    def statements(self, measured: Mapping[str, Measured]) -> list[Statement]:
        chosen = self.chosen(measured)
        if self.seconds is None:
            found = {name: self._errors(each) for name, each in chosen.items()}
        else:
            found = _at(chosen, self.seconds, self.measure)
        return [
            Statement(
                f"{small} / {large}",
                found[small][0],
                ratio(found[small][1], found[large][1]),
                (0.0, self.by),
            )
            for small, large in pairwise(chosen)
        ]

    def _errors(self, measured: Measured) -> tuple[str, Scores]:
        """Where errors are taken, and those of each trial."""
        rows = rows_between(measured, self.since)
        return span(measured, rows), scores(measured, rows, self.measure)


def _at(
    chosen: Mapping[str, Measured], seconds: float, measure: str
) -> dict[str, tuple[str, Scores]]:
    ends = [against(name, each, "time")[-1] for name, each in chosen.items()]
    reached = min(seconds, *ends)
    return {
        name: (f"{reached:.4g} s", errors_at(name, each, reached, measure))
        for name, each in chosen.items()
    }


def errors_at(name: str, measured: Measured, seconds: float, measure: str = ERROR) -> Scores:
    """Errors when all agents have got as far as they do in some seconds.

    Between recorded steps n · ‖θ_n − θ*‖² is taken for constant, and so is any other measure.

    Raises
    ------
    ConfigurationError
        If the variant has no virtual clock.
    """
    elapsed = against(name, measured, "time")
    row = max(0, int(np.searchsorted(elapsed, seconds, side="right")) - 1)
    n = max(1.0, float(np.interp(seconds, elapsed, measured.step)))
    if measure != ERROR:
        return scores(measured, np.array([row]), measure)
    return Scores(measured.measure(ERROR)[row] * max(1, measured.step[row]) / n, measured.trials)
