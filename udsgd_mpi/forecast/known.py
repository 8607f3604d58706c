"""Predictions that were made before."""

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.forecast.forecasts import Forecasts
from udsgd_mpi.forecast.predict import Prediction, predict
from udsgd_mpi.problem import Problem, Team, inputs_of_noise


class KnownPredictions:
    """Predictions by what they depend on: neither on W nor on the names of groups."""

    def __init__(self) -> None:
        self._known: dict[bytes, Prediction] = {}
        self._forecasts = Forecasts()

    def __call__(self, problem: Problem, team: Team, steps: NDArray[np.int64]) -> Prediction:
        """See ``predict``; collective where ``team`` is."""
        key = inputs_of_noise(problem) + steps.tobytes()
        if key not in self._known:
            self._known[key] = predict(problem, team, steps, forecasts=self._forecasts)
        return self._known[key]
