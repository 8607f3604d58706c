"""L2-regularised softmax regression."""

from typing import Annotated

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from udsgd_mpi.data.features import largest_moments
from udsgd_mpi.kernels.compiled import inlined
from udsgd_mpi.objectives.base import Floats, Points, whole_or_refused
from udsgd_mpi.objectives.compiled import (
    DENSE_POINTS,
    SPARSE_POINTS,
    CompiledObjective,
    SparseRows,
    StepKernels,
    steps_on,
)
from udsgd_mpi.objectives.exponential import exp
from udsgd_mpi.support.errors import ConfigurationError


class Softmax(CompiledObjective, frozen=True, tag="softmax"):
    """F(θ, (x, y)) = log Σ_c exp(θ_cᵀx) − θ_yᵀx + (κ/2)‖θ‖², y ∈ {0, …, C − 1}.

    θ holds θ_0, …, θ_{C−1} one after the other, so d = C · features.

    Parameters
    ----------
    l2
        κ > 0; without it the minimiser is not unique.
    """

    l2: Annotated[float, Meta(gt=0)] = 1.0

    @property
    def classifies(self) -> bool:
        return True

    def classes_among(self, labels: Floats) -> Floats:
        return whole_or_refused(labels)

    def encode(self, labels: Floats, classes: Floats) -> Floats:
        broken = classes[classes != np.rint(classes)]
        if len(classes) < 2 or len(broken):
            got = f"{broken[0]:g}" if len(broken) else f"{len(classes)} values"
            raise ConfigurationError(
                f"labels: expected whole numbers of two classes or more for softmax regression,"
                f" got {got}; choose a data set with classes"
            )
        return np.searchsorted(classes, labels).astype(np.float64)

    def dimension(self, features: int, classes: int) -> int:
        return features * classes

    def kernels(self, points: Points) -> StepKernels:
        return _descend_sparsely if points.sparse else _descend

    def parameters(self, d: int) -> Floats:
        return np.array([self.l2])

    def value(self, theta: Floats, points: Points) -> float:
        from scipy.special import logsumexp

        z = self._scores(theta, points)
        own = np.take_along_axis(z, points.labels.astype(int)[:, None], axis=1)[:, 0]
        losses = logsumexp(z, axis=1) - own + self.l2 / 2 * theta @ theta
        return float(points.weights @ losses)

    def gradient(self, theta: Floats, points: Points) -> Floats:
        residuals = self._probabilities(theta, points)
        residuals[np.arange(len(residuals)), points.labels.astype(int)] -= 1
        slopes = (points.weights[:, None] * residuals).T @ points.features
        return np.asarray(slopes.ravel() + self.l2 * points.weights.sum() * theta)

    def correct(self, theta: Floats, points: Points) -> NDArray[np.bool_]:
        return np.asarray(self._scores(theta, points).argmax(axis=1) == points.labels)

    def gradients(self, theta: Floats, points: Points) -> Floats:
        residuals = self._probabilities(theta, points)
        residuals[np.arange(len(residuals)), points.labels.astype(int)] -= 1
        slopes = residuals[:, :, None] * points.features[:, None]
        return np.asarray(slopes.reshape(len(residuals), -1) + self.l2 * theta)

    def hessian(self, theta: Floats, points: Points) -> Floats:
        p = self._probabilities(theta, points)
        x, w = points.features, points.weights
        classes, features = p.shape[1], x.shape[1]
        blocks = np.zeros((classes, features, classes, features))
        for a in range(classes):
            for b in range(classes):
                curvature = w * p[:, a] * ((a == b) - p[:, b])
                blocks[a, :, b, :] = x.T @ (curvature[:, None] * x)
        ridge = self.l2 * w.sum() * np.eye(len(theta))
        return np.asarray(blocks.reshape(ridge.shape) + ridge)

    def largest_curvatures(self, theta: Floats, points: Points, batch: int) -> Floats:
        # No eigenvalue of diag(p) − ppᵀ is above ½.
        return largest_moments(points.features, batch) / 2 + self.l2

    def product(self, theta: Floats, direction: Floats, points: Points) -> Floats:
        p = self._probabilities(theta, points)
        moved = p * self._scores(direction, points)
        slopes = points.weights[:, None] * (moved - p * moved.sum(axis=1, keepdims=True))
        ridge = self.l2 * points.weights.sum() * direction
        return np.asarray((slopes.T @ points.features).ravel() + ridge)

    def _probabilities(self, theta: Floats, points: Points) -> Floats:
        from scipy.special import softmax

        return np.asarray(softmax(self._scores(theta, points), axis=1))

    @staticmethod
    def _scores(theta: Floats, points: Points) -> Floats:
        return np.asarray(points.features @ theta.reshape(-1, points.features.shape[1]).T)


@inlined
def _from_scores(out: Floats) -> None:
    """Softmax of scores, in place."""
    largest = -np.inf
    for c in range(len(out)):
        largest = max(largest, out[c])
    total = 0.0
    for c in range(len(out)):
        out[c] = exp(out[c] - largest)
        total += out[c]
    for c in range(len(out)):
        out[c] /= total


@inlined
def _probabilities(theta: Floats, x: Floats, out: Floats) -> None:
    """Softmax of θ_cᵀx over the classes c, into ``out`` (classes,)."""
    for c in range(len(out)):
        score = 0.0
        for k in range(len(x)):
            score += theta[c * len(x) + k] * x[k]
        out[c] = score
    _from_scores(out)


@steps_on(DENSE_POINTS)
def _descend(
    theta: Floats,
    out: Floats | None,
    X: NDArray[np.int32],
    gamma: Floats,
    features: Floats,
    labels: Floats,
    weights: Floats,
    batch: NDArray[np.int64],
    parameters: Floats,
) -> None:
    l2 = parameters[0]
    agents, trials, d = theta.shape
    target = theta if out is None else out
    keep = 1.0 if out is None else 0.0
    length = features.shape[1]
    slopes = np.empty((batch.max(), d // length))
    for n in range(len(gamma)):
        for i in range(agents):
            for t in range(trials):
                x = X[n, i, t]
                step = gamma[n] * weights[x]
                for r in range(batch[i]):
                    _probabilities(theta[i, t], features[x + r], slopes[r])
                    slopes[r, int(labels[x + r])] -= 1
                shrink = keep - step * l2
                for at in range(d):
                    c, k = divmod(at, length)
                    slope = 0.0
                    for r in range(batch[i]):
                        slope += slopes[r, c] * features[x + r, k]
                    target[i, t, at] = shrink * theta[i, t, at] - step / batch[i] * slope


@inlined
def _sparse_probabilities(theta: Floats, rows: SparseRows, x: int, out: Floats) -> None:
    """As ``_probabilities``, for row x."""
    values, columns, starts, length = rows
    for c in range(len(out)):
        score = 0.0
        for k in range(starts[x], starts[x + 1]):
            score += theta[c * length + columns[k]] * values[k]
        out[c] = score
    _from_scores(out)


@steps_on(SPARSE_POINTS)
def _descend_sparsely(
    theta: Floats,
    out: Floats | None,
    X: NDArray[np.int32],
    gamma: Floats,
    rows: SparseRows,
    labels: Floats,
    weights: Floats,
    batch: NDArray[np.int64],
    parameters: Floats,
) -> None:
    values, columns, starts, length = rows
    l2 = parameters[0]
    agents, trials, d = theta.shape
    target = theta if out is None else out
    keep = 1.0 if out is None else 0.0
    classes = d // length
    slopes = np.empty((batch.max(), classes))
    sums = np.zeros(d)
    for n in range(len(gamma)):
        for i in range(agents):
            for t in range(trials):
                x = X[n, i, t]
                step = gamma[n] * weights[x]
                for r in range(batch[i]):
                    _sparse_probabilities(theta[i, t], rows, x + r, slopes[r])
                    slopes[r, int(labels[x + r])] -= 1
                    for c in range(classes):
                        for k in range(starts[x + r], starts[x + r + 1]):
                            sums[c * length + columns[k]] += slopes[r, c] * values[k]
                shrink = keep - step * l2
                for at in range(d):
                    target[i, t, at] = shrink * theta[i, t, at]
                for c in range(classes):
                    for k in range(starts[x], starts[x + batch[i]]):
                        at = c * length + columns[k]
                        target[i, t, at] -= step / batch[i] * sums[at]
                        sums[at] = 0
