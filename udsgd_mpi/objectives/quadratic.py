"""A quadratic whose minimiser is known."""

from typing import Annotated

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from udsgd_mpi.objectives.base import Floats, Points
from udsgd_mpi.objectives.compiled import (
    DENSE_POINTS,
    SPARSE_POINTS,
    CompiledObjective,
    SparseRows,
    StepKernels,
    steps_on,
)


class Quadratic(CompiledObjective, frozen=True, tag="quadratic"):
    """F(θ, x) = ½ (θ − x)ᵀ A (θ − x), A diagonal with entries from 1 to ``condition``.

    Its minimiser is the mean of the points under their weights, whatever A is, and the gradient
    noise A (x − mean) does not depend on θ: what the theory says of it is exact in n up to the
    decay of θ_0.

    Parameters
    ----------
    condition
        Condition number of A ≥ 1; the entries are spaced geometrically.
    """

    condition: Annotated[float, Meta(ge=1)] = 1.0

    def encode(self, labels: Floats, classes: Floats) -> Floats:
        return labels

    def dimension(self, features: int, classes: int) -> int:
        return features

    def remedy(self, *, convex: bool) -> str:
        return "use a smaller objective.condition"

    def curvature(self, d: int) -> Floats:
        """Diagonal of A, shape (d,)."""
        return np.geomspace(1, self.condition, d)

    def kernels(self, points: Points) -> StepKernels:
        return _descend_sparsely if points.sparse else _descend

    def parameters(self, d: int) -> Floats:
        return self.curvature(d)

    def value(self, theta: Floats, points: Points) -> float:
        A, x = self.curvature(len(theta)), points.features
        if points.sparse:  # θ − x would not be
            squares = theta @ (A * theta) - 2 * (x @ (A * theta)) + (x * x) @ A
        else:
            squares = (theta - x) ** 2 @ A
        return float(points.weights @ squares / 2)

    def gradient(self, theta: Floats, points: Points) -> Floats:
        A, x, w = self.curvature(len(theta)), points.features, points.weights
        if points.sparse:
            return np.asarray((w.sum() * theta - x.T @ w) * A)
        return np.asarray(w @ (theta - x) * A)

    def gradients(self, theta: Floats, points: Points) -> Floats:
        return np.asarray((theta - points.features) * self.curvature(len(theta)))

    def hessian(self, theta: Floats, points: Points) -> Floats:
        return np.diag(points.weights.sum() * self.curvature(len(theta)))

    def largest_curvatures(self, theta: Floats, points: Points, batch: int) -> Floats:
        return np.full(len(points.labels) // batch, self.curvature(len(theta)).max())

    def product(self, theta: Floats, direction: Floats, points: Points) -> Floats:
        return np.asarray(points.weights.sum() * self.curvature(len(theta)) * direction)


@steps_on(DENSE_POINTS)
def _descend(
    theta: Floats,
    out: Floats | None,
    X: NDArray[np.int32],
    gamma: Floats,
    features: Floats,
    _labels: Floats,
    weights: Floats,
    batch: NDArray[np.int64],
    curvature: Floats,
) -> None:
    agents, trials, d = theta.shape
    target = theta if out is None else out
    keep = 1.0 if out is None else 0.0
    for n in range(len(gamma)):
        for i in range(agents):
            for t in range(trials):
                x = X[n, i, t]
                step = gamma[n] * weights[x]
                for k in range(d):
                    mean = features[x, k]
                    for r in range(1, batch[i]):
                        mean += features[x + r, k]
                    mean /= batch[i]
                    away = theta[i, t, k] - mean
                    target[i, t, k] = keep * theta[i, t, k] - step * curvature[k] * away


@steps_on(SPARSE_POINTS)
def _descend_sparsely(
    theta: Floats,
    out: Floats | None,
    X: NDArray[np.int32],
    gamma: Floats,
    rows: SparseRows,
    _labels: Floats,
    weights: Floats,
    batch: NDArray[np.int64],
    curvature: Floats,
) -> None:
    values, columns, starts, _ = rows
    agents, trials, d = theta.shape
    target = theta if out is None else out
    keep = 1.0 if out is None else 0.0
    mean = np.zeros(d)
    for n in range(len(gamma)):
        for i in range(agents):
            for t in range(trials):
                x = X[n, i, t]
                first, last = starts[x], starts[x + batch[i]]
                step = gamma[n] * weights[x]
                for k in range(first, last):
                    mean[columns[k]] += values[k]
                for k in range(d):
                    away = theta[i, t, k] - mean[k] / batch[i]
                    target[i, t, k] = keep * theta[i, t, k] - step * curvature[k] * away
                for k in range(first, last):
                    mean[columns[k]] = 0
