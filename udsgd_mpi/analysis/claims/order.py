"""That errors come in an order."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated, Literal, TypeAlias

import numpy as np
from msgspec import Meta

from udsgd_mpi.analysis.abscissa import against
from udsgd_mpi.analysis.claims.base import ERROR, Claim, MeasureOfTrials, rows_between, scores, span
from udsgd_mpi.analysis.claims.ratio import Scores, ratio
from udsgd_mpi.analysis.claims.verdict import Statement
from udsgd_mpi.storage.measured import Measured
from udsgd_mpi.support.units import in_bytes

Spent: TypeAlias = Literal["time", "bytes"]


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
    bytes
        Instead: when agents have sent so many bytes in a trial, or as many as the variant with
        fewest did.
    by
        Upper bound of the ratio of an error to the next one's.
    """

    measure: MeasureOfTrials = ERROR
    since: Annotated[int, Meta(ge=1)] | None = None
    seconds: Annotated[float, Meta(gt=0)] | None = None
    bytes: Annotated[float, Meta(gt=0)] | None = None
    by: Annotated[float, Meta(gt=0)] = 1.0

    def __post_init__(self) -> None:
        given = [key for key in ("since", "seconds", "bytes") if getattr(self, key) is not None]
        if len(given) > 1:
            raise ValueError(f"expected one of since, seconds and bytes, got {' and '.join(given)}")

    def statements(self, measured: Mapping[str, Measured]) -> list[Statement]:
        chosen = self.chosen(measured)
        if self.seconds is not None:
            found = _at(chosen, self.seconds, "time", self.measure)
        elif self.bytes is not None:
            found = _at(chosen, self.bytes, "bytes", self.measure)
        else:
            found = {name: self._errors(each) for name, each in chosen.items()}
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
    chosen: Mapping[str, Measured], amount: float, x: Spent, measure: str
) -> dict[str, tuple[str, Scores]]:
    ends = [float(against(name, each, x)[-1]) for name, each in chosen.items()]
    reached = min(amount, *ends)
    where = f"{reached:.4g} s" if x == "time" else in_bytes(reached)
    return {
        name: (where, errors_at(name, each, reached, x, measure)) for name, each in chosen.items()
    }


def errors_at(
    name: str, measured: Measured, amount: float, x: Spent = "time", measure: str = ERROR
) -> Scores:
    """Errors when all agents have got as far as they do in some seconds, or by some bytes.

    Between recorded steps n · ‖θ_n − θ*‖² is taken for constant, and so is any other measure.

    Raises
    ------
    ConfigurationError
        If the variant has no virtual clock, or no count of bytes.
    """
    spent = against(name, measured, x)
    row = max(0, int(np.searchsorted(spent, amount, side="right")) - 1)
    n = max(1.0, float(np.interp(amount, spent, measured.step)))
    if measure != ERROR:
        return scores(measured, np.array([row]), measure)
    return Scores(measured.measure(ERROR)[row] * max(1, measured.step[row]) / n, measured.trials)
