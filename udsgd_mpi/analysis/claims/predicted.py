"""That errors are what theory predicts, within a margin."""

from collections.abc import Mapping
from typing import Annotated, Literal

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from udsgd_mpi.analysis.claims.base import ERROR, Claim, rows_between, span
from udsgd_mpi.analysis.claims.ratio import UNKNOWN, LogRatio, Scores, ratio_to_number
from udsgd_mpi.analysis.claims.verdict import Statement
from udsgd_mpi.experiment.schema import Experiment
from udsgd_mpi.storage.measured import Floats, Measured
from udsgd_mpi.support.errors import ConfigurationError

_ABOUT = " / predicted"


class Predicted(Claim, frozen=True, tag="predicted", kw_only=True):
    """The error of every variant is within a margin of its prediction.

    An equivalence test: the claim holds if the whole interval of measured/predicted is within the
    margin, with the prediction's own standard error in it. An interval of a claim that holds may
    leave out 1. The remark names such intervals, corrected for multiple comparisons; where all
    predictions are right it names one with a probability of 5 %.

    The claim about one variant, with the default margin, in per cent of results. Errors are squared
    norms of Gaussian vectors of so many components, the prediction's standard error is 1 %:

    ========================================  ====  ====  ====  ====  ====  ====
    true ratio                                1     1.05  1.1   1.15  1.2   1.3
    ========================================  ====  ====  ====  ====  ====  ====
    6 components, 120 trials: holds           0     0     0     0     0     0
    6 components, 120 trials: does not hold   0     0     2     13    36    87
    6 components, 480 trials: holds           84    38    3     0     0     0
    6 components, 480 trials: does not hold   0     0     2     34    86    100
    20 components, 120 trials: holds          76    32    3     0     0     0
    20 components, 120 trials: does not hold  0     0     3     29    80    100
    ========================================  ====  ====  ====  ====  ====  ====

    Otherwise it is not decided. Steps at which a prediction is withheld are left out; where that
    leaves none, the claim is not decided.

    Parameters
    ----------
    margin
        The claim has ratios between 1 / (1 + margin) and 1 + margin.
    measure
        What is compared: ‖θ_n − θ*‖², or the consensus error.
    since_share
        Ratios are averaged over the recorded steps from this share of the last one on, where they
        vary less than at the last step alone, which is 1.
    """

    margin: Annotated[float, Meta(gt=0)] = 0.1
    measure: Literal["squared_error", "consensus_error"] = ERROR
    since_share: Annotated[float, Meta(gt=0, le=1)] = 0.1

    def require(self, experiments: Mapping[str, Experiment]) -> None:
        super().require(experiments)
        for name in self.variants or experiments:
            if not experiments[name].record.predict:
                raise self._no_prediction(name)

    def statements(self, measured: Mapping[str, Measured]) -> list[Statement]:
        bounds = (1 / (1 + self.margin), 1 + self.margin)
        found = []
        for name, each in self.chosen(measured).items():
            rows, compared = self._compared(name, each)
            found.append(Statement(f"{name}{_ABOUT}", span(each, rows), compared, bounds))
        return found

    def _no_prediction(self, name: str) -> ConfigurationError:
        return ConfigurationError(
            f"claim {self.text!r}: expected a prediction of {name}, got none; run it with"
            " record.predict = true"
        )

    def _compared(self, name: str, measured: Measured) -> tuple[NDArray[np.intp], LogRatio]:
        """Rows of the steps at which a variant is compared, and measured/predicted there."""
        predicted, error = self._prediction(measured)
        if predicted is None or error is None:
            raise self._no_prediction(name)
        late = rows_between(measured, int(np.ceil(self.since_share * measured.step[-1])))
        rows = late[predicted[late] > 0]
        if len(rows) == 0:
            return late, UNKNOWN
        values = measured.measure(self.measure)[rows] / predicted[rows, None]
        # Errors of a prediction at several steps come from the same paths: taken to go together.
        own = float((error[rows] / predicted[rows]).mean())
        return rows, ratio_to_number(Scores(values.mean(axis=0), measured.trials), 1.0, own)

    def _prediction(self, measured: Measured) -> tuple[Floats | None, Floats | None]:
        """What is predicted at each step, with its standard error."""
        if self.measure == ERROR:
            return measured.predicted_mse, measured.predicted_mse_error
        return measured.predicted_consensus_error, measured.predicted_consensus_error_error

    def remark(self, measured: Mapping[str, Measured]) -> str:
        """Which variants depart from their predictions, even by less than the margin."""
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
