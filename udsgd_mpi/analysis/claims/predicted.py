"""That errors are what theory predicts."""

from collections.abc import Mapping
from typing import Annotated

from msgspec import Meta

from udsgd_mpi.analysis.claims.base import Claim, rows_between, span
from udsgd_mpi.analysis.claims.ratio import Scores, ratio_to_number
from udsgd_mpi.analysis.claims.verdict import Statement
from udsgd_mpi.errors import ConfigurationError
from udsgd_mpi.storage.read import Measured


class Predicted(Claim, frozen=True, tag="predicted", kw_only=True):
    """At the last step, 1 is in the interval of measured over predicted error, which is narrow.

    Parameters
    ----------
    margin
        The 95 % interval must lie between 1 / (1 + margin) and 1 + margin.
    """

    margin: Annotated[float, Meta(gt=0)] = 0.3

    def statements(self, measured: Mapping[str, Measured]) -> list[Statement]:
        found = []
        for name, each in self.chosen(measured).items():
            if each.predicted_mse is None or each.predicted_mse_error is None:
                raise ConfigurationError(
                    f"claim {self.text!r}: expected a prediction of {name}, got none; run it with"
                    " record.predict = true"
                )
            last = rows_between(each, None)
            compared = ratio_to_number(
                Scores(each.squared_error[-1], each.trials),
                float(each.predicted_mse[-1]),
                float(each.predicted_mse_error[-1]),
            )
            bounds = (1 / (1 + self.margin), 1 + self.margin)
            about = f"{name} / predicted"
            found.append(Statement(about, span(each, last), compared, bounds, (1.0, 1.0)))
        return found
