"""L2-regularised logistic regression."""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.objectives.base import Floats, Points
from udsgd_mpi.objectives.linear_model import LinearModel
from udsgd_mpi.support.errors import ConfigurationError

_CLASSES = 2


class Logistic(LinearModel, frozen=True, tag="logistic"):
    """F(θ, (x, y)) = log(1 + exp(θᵀx)) − y θᵀx + (κ/2)‖θ‖², y ∈ {0, 1} (paper, eq. 15).

    Parameters
    ----------
    l2
        κ ≥ 0.
    """

    predicts_probability: ClassVar[bool] = True
    steepest: ClassVar[float] = 0.25

    @property
    def classifies(self) -> bool:
        return True

    def classes_among(self, labels: Floats) -> Floats:
        return np.unique(labels)[: _CLASSES + 1]

    def encode(self, labels: Floats, classes: Floats) -> Floats:
        if len(classes) != _CLASSES:
            number = "more than two" if len(classes) > _CLASSES else len(classes)
            shown = ", ".join(f"{c:g}" for c in classes[: _CLASSES + 1])
            raise ConfigurationError(
                "labels: expected two classes for logistic regression among the agents' points,"
                f" got {number} ({shown}); choose a two-class data set, or larger shares"
            )
        return np.asarray(labels == classes[1], dtype=np.float64)

    def value(self, theta: Floats, points: Points) -> float:
        z = points.features @ theta
        losses = np.logaddexp(0.0, z) - points.labels * z + self.l2 / 2 * theta @ theta
        return float(points.weights @ losses)

    def correct(self, theta: Floats, points: Points) -> NDArray[np.bool_]:
        return np.asarray((points.features @ theta > 0) == (points.labels == 1))

    def prediction(self, z: Floats) -> Floats:
        return np.asarray(np.exp(-np.logaddexp(0, -z)))  # 1 / (1 + e^(−z)) without overflow

    def curvatures(self, z: Floats, weights: Floats) -> Floats:
        p = self.prediction(z)
        return np.asarray(weights * p * (1 - p))
