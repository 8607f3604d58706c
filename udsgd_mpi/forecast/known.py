"""Predictions that were made before."""

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.forecast.forecasts import Forecasts
from udsgd_mpi.forecast.predict import Prediction, predict
from udsgd_mpi.problem import Everyone, Problem, inputs_of_noise


class KnownPredictions:
    """Predictions by what they depend on: neither on W nor on the names of groups."""

    def __init__(self) -> None:
        self._known: dict[bytes, Prediction] = {}
        self._forecasts = Forecasts()

    def __call__(
        self, problem: Problem, everyone: Everyone, steps: NDArray[np.int64]
    ) -> Prediction:
        """See ``predict``; collective where ``everyone`` is."""
        key = inputs_of_noise(problem) + steps.tobytes()
        if key not in self._known:
            self._known[key] = predict(problem, everyone, steps, forecasts=self._forecasts)
        return self._known[key]
