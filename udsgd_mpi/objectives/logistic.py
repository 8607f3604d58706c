"""L2-regularised logistic regression."""

from typing import Annotated

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray
from scipy.special import expit

from udsgd_mpi.compiled import kernel
from udsgd_mpi.errors import ConfigurationError
from udsgd_mpi.objectives.base import Floats, Objective, Points


class Logistic(Objective, frozen=True, tag="logistic"):
    """F(θ, (x, y)) = log(1 + exp(θᵀx)) − y θᵀx + (κ/2)‖θ‖², y ∈ {0, 1} (paper, eq. 15).

    Parameters
    ----------
    l2
        κ ≥ 0.
    """

    l2: Annotated[float, Meta(ge=0)] = 1.0

    def encode(self, labels: Floats) -> Floats:
        classes = np.unique(labels)
        if len(classes) != 2:
            shown = ", ".join(f"{c:g}" for c in classes[:5]) + (", …" if len(classes) > 5 else "")
            raise ConfigurationError(
                f"labels: expected two classes for logistic regression, got {len(classes)}"
                f" ({shown}); choose a two-class data set"
            )
        return np.asarray(labels == classes[1], dtype=np.float64)

    def dimension(self, features: int, labels: Floats) -> int:
        return features

    def descend(self, theta: Floats, X: NDArray[np.int32], gamma: Floats, points: Points) -> None:
        _descend(theta, X, gamma, points.features, points.labels, points.weights, self.l2)

    def value(self, theta: Floats, points: Points) -> float:
        z = points.features @ theta
        losses = np.logaddexp(0.0, z) - points.labels * z + self.l2 / 2 * theta @ theta
        return float(points.weights @ losses)

    def gradient(self, theta: Floats, points: Points) -> Floats:
        residuals = expit(points.features @ theta) - points.labels
        return np.asarray(
            points.features.T @ (points.weights * residuals)
            + self.l2 * points.weights.sum() * theta
        )

    def hessian(self, theta: Floats, points: Points) -> Floats:
        p = expit(points.features @ theta)
        curvature = points.weights * p * (1 - p)
        ridge = self.l2 * points.weights.sum() * np.eye(len(theta))
        return np.asarray(points.features.T @ (curvature[:, None] * points.features) + ridge)


@kernel(
    "void(float64[:, :, ::1], int32[:, :, ::1], float64[::1], float64[:, ::1], float64[::1],"
    " float64[::1], float64)"
)
def _descend(
    theta: Floats,
    X: NDArray[np.int32],
    gamma: Floats,
    features: Floats,
    labels: Floats,
    weights: Floats,
    l2: float,
) -> None:
    agents, trials, d = theta.shape
    for n in range(len(gamma)):
        for i in range(agents):
            for t in range(trials):
                x = X[n, i, t]
                z = 0.0
                for k in range(d):
                    z += theta[i, t, k] * features[x, k]
                step = gamma[n] * weights[x]
                slope = step * (1 / (1 + np.exp(-z)) - labels[x])
                shrink = 1 - step * l2
                for k in range(d):
                    theta[i, t, k] = shrink * theta[i, t, k] - slope * features[x, k]
