"""What theory expects of a problem before it is run."""

from udsgd_mpi.forecast.agent import (
    PATHS_ALONE,
    AgentForecast,
    AgentMoments,
    Approach,
    from_the_start,
)
from udsgd_mpi.forecast.forecasts import Forecasts
from udsgd_mpi.forecast.inference import Inference, infer
from udsgd_mpi.forecast.limits import unpredicted, unpredicted_walks
from udsgd_mpi.forecast.predict import KnownPredictions, Prediction, mse_of_mean, predict
from udsgd_mpi.forecast.stationary import Stationary

__all__ = [
    "PATHS_ALONE",
    "AgentForecast",
    "AgentMoments",
    "Approach",
    "Forecasts",
    "Inference",
    "KnownPredictions",
    "Prediction",
    "Stationary",
    "from_the_start",
    "infer",
    "mse_of_mean",
    "predict",
    "unpredicted",
    "unpredicted_walks",
]
