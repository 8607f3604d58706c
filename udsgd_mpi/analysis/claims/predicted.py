"""That errors are about what theory predicts."""

from collections.abc import Mapping
from typing import Annotated

from msgspec import Meta

from udsgd_mpi.analysis.claims.base import Claim, rows_between, span
from udsgd_mpi.analysis.claims.ratio import Scores, ratio_to_number
from udsgd_mpi.analysis.claims.verdict import Statement
from udsgd_mpi.storage.read import Measured
from udsgd_mpi.support.errors import ConfigurationError

_ABOUT = " / predicted"


class Predicted(Claim, frozen=True, tag="predicted", kw_only=True):
    """At the last step the mean error of every variant is within a factor of its prediction.

    This does not say that predictions are right: an interval of a claim that holds may leave out 1.
    The remark names such intervals, corrected for multiple comparisons; where all predictions are
    right it names one with a probability of 5 %.

    The claim about one variant of 120 trials, whose errors spread as those of six Gaussian
    components, with the default margin:

    ======================  ====  ====  ====  ====  ====  ====  ====
    true ratio              1     1.1   1.2   1.25  1.3   1.4   1.5
    ======================  ====  ====  ====  ====  ====  ====  ====
    holds, in per cent      100   89    34    12    3     0     0
    does not hold           0     0     0     0     2     29    76
    ======================  ====  ====  ====  ====  ====  ====  ====

    Otherwise it is not decided.

    Parameters
    ----------
    margin
        The factor is 1 + margin: the claim has ratios between 1 / (1 + margin) and 1 + margin.
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
                Scores(each.measure("squared_error")[-1], each.trials),
                float(each.predicted_mse[-1]),
                float(each.predicted_mse_error[-1]),
            )
            bounds = (1 / (1 + self.margin), 1 + self.margin)
            about = f"{name}{_ABOUT}"
            found.append(Statement(about, span(each, last), compared, bounds))
        return found

    def remark(self, measured: Mapping[str, Measured]) -> str:
        """Which variants depart from their predictions, even by less than the factor."""
        statements = self.statements(measured)
        departing = [
            statement.about.removesuffix(_ABOUT)
            for statement in statements
            if statement.is_beyond((1, 1), len(statements))
        ]
        if not departing:
            return ""
        return (
            f"Intervals that exclude 1, corrected for multiple comparisons: {', '.join(departing)}."
        )
