"""That errors come in an order."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Annotated

from msgspec import Meta

from udsgd_mpi.analysis.claims.base import Claim, rows_between, scores, span
from udsgd_mpi.analysis.claims.ratio import ratio
from udsgd_mpi.analysis.claims.verdict import Statement
from udsgd_mpi.storage.read import Measured


class Order(Claim, frozen=True, tag="order", kw_only=True):
    """Each variant's error is below the next one's, or below a fraction of it.

    Parameters
    ----------
    since
        Errors are n · ‖θ_n − θ*‖², averaged over the recorded steps from here on; by default that
        of the last step.
    by
        Upper bound of the ratio of an error to the next one's.
    """

    since: Annotated[int, Meta(ge=1)] | None = None
    by: Annotated[float, Meta(gt=0)] = 1.0

    def statements(self, measured: Mapping[str, Measured]) -> list[Statement]:
        chosen = self.chosen(measured)
        rows = {name: rows_between(each, self.since, None) for name, each in chosen.items()}
        of_trials = {name: scores(each, rows[name]) for name, each in chosen.items()}
        bounds = (0.0, self.by)
        return [
            Statement(
                f"{small} / {large}",
                span(chosen[small], rows[small]),
                ratio(of_trials[small], of_trials[large]),
                bounds,
                bounds,
            )
            for small, large in pairwise(chosen)
        ]
