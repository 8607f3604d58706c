"""What theory expects of a problem before it is run."""

from udsgd_mpi.forecast.agent import AgentForecast, Method, Part, from_the_start
from udsgd_mpi.forecast.forecasts import Forecasts
from udsgd_mpi.forecast.known import KnownPredictions
from udsgd_mpi.forecast.limits import unpredicted, unpredicted_walks
from udsgd_mpi.forecast.predict import Prediction, combine, predict

__all__ = [
    "AgentForecast",
    "Forecasts",
    "KnownPredictions",
    "Method",
    "Part",
    "Prediction",
    "combine",
    "from_the_start",
    "predict",
    "unpredicted",
    "unpredicted_walks",
]
