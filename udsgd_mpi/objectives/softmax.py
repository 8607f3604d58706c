"""L2-regularised softmax regression."""

from typing import Annotated

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray
from scipy.special import logsumexp, softmax

from udsgd_mpi.compiled import kernel
from udsgd_mpi.errors import ConfigurationError
from udsgd_mpi.objectives.base import Floats, Objective, Points


class Softmax(Objective, frozen=True, tag="softmax"):
    """F(θ, (x, y)) = log Σ_c exp(θ_cᵀx) − θ_yᵀx + (κ/2)‖θ‖², y ∈ {0, …, C − 1}.

    θ holds θ_0, …, θ_{C−1} one after the other, so d = C · features.

    Parameters
    ----------
    l2
        κ > 0; without it the minimiser is not unique.
    """

    l2: Annotated[float, Meta(gt=0)] = 1.0

    def encode(self, labels: Floats) -> Floats:
        classes, encoded = np.unique(labels, return_inverse=True)
        if len(classes) < 2 or (labels != np.rint(labels)).any():
            raise ConfigurationError(
                f"labels: expected whole numbers of two classes or more for softmax regression,"
                f" got {len(classes)} values; choose a data set with classes"
            )
        return encoded.astype(np.float64)

    def dimension(self, features: int, labels: Floats) -> int:
        return features * (int(labels.max()) + 1)

    def descend(self, theta: Floats, X: NDArray[np.int32], gamma: Floats, points: Points) -> None:
        _descend(theta, X, gamma, points.features, points.labels, points.weights, self.l2)

    def value(self, theta: Floats, points: Points) -> float:
        z = self._scores(theta, points)
        own = np.take_along_axis(z, points.labels.astype(int)[:, None], axis=1)[:, 0]
        losses = logsumexp(z, axis=1) - own + self.l2 / 2 * theta @ theta
        return float(points.weights @ losses)

    def gradient(self, theta: Floats, points: Points) -> Floats:
        residuals = softmax(self._scores(theta, points), axis=1)
        residuals[np.arange(len(residuals)), points.labels.astype(int)] -= 1
        slopes = (points.weights[:, None] * residuals).T @ points.features
        return np.asarray(slopes.ravel() + self.l2 * points.weights.sum() * theta)

    def hessian(self, theta: Floats, points: Points) -> Floats:
        p = softmax(self._scores(theta, points), axis=1)
        x, w = points.features, points.weights
        classes, features = p.shape[1], x.shape[1]
        blocks = np.zeros((classes, features, classes, features))
        for a in range(classes):
            for b in range(classes):
                curvature = w * p[:, a] * ((a == b) - p[:, b])
                blocks[a, :, b, :] = x.T @ (curvature[:, None] * x)
        ridge = self.l2 * w.sum() * np.eye(len(theta))
        return np.asarray(blocks.reshape(ridge.shape) + ridge)

    @staticmethod
    def _scores(theta: Floats, points: Points) -> Floats:
        return np.asarray(points.features @ theta.reshape(-1, points.features.shape[1]).T)


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
    length = features.shape[1]
    classes = d // length
    p = np.empty(classes)
    for n in range(len(gamma)):
        for i in range(agents):
            for t in range(trials):
                x = X[n, i, t]
                largest = -np.inf
                for c in range(classes):
                    p[c] = 0.0
                    for k in range(length):
                        p[c] += theta[i, t, c * length + k] * features[x, k]
                    largest = max(largest, p[c])
                total = 0.0
                for c in range(classes):
                    p[c] = np.exp(p[c] - largest)
                    total += p[c]
                step = gamma[n] * weights[x]
                shrink = 1 - step * l2
                for c in range(classes):
                    slope = step * (p[c] / total - (c == labels[x]))
                    for k in range(length):
                        at = c * length + k
                        theta[i, t, at] = shrink * theta[i, t, at] - slope * features[x, k]
