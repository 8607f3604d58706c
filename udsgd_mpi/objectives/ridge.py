"""Ridge regression."""

from typing import Annotated

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from udsgd_mpi.kernels.prefetch import ask_for_next
from udsgd_mpi.objectives.base import (
    CompiledObjective,
    Floats,
    Points,
    SparseRows,
    StepKernels,
    dense_steps,
    sparse_steps,
)
from udsgd_mpi.objectives.linear_model import (
    inner_products,
    move,
    sparse_inner_products,
    sparse_move,
)


class Ridge(CompiledObjective, frozen=True, tag="ridge"):
    """F(θ, (x, y)) = ½ (θᵀx − y)² + (κ/2)‖θ‖².

    Parameters
    ----------
    l2
        κ ≥ 0.
    """

    l2: Annotated[float, Meta(ge=0)] = 1.0

    def encode(self, labels: Floats, classes: Floats) -> Floats:
        return labels

    def dimension(self, features: int, classes: int) -> int:
        return features

    def remedy(self, *, convex: bool) -> str:
        if self.l2 == 0:
            return "use objective.l2 > 0"
        return super().remedy(convex=convex)

    def kernels(self, points: Points) -> StepKernels:
        return _descend_sparsely if points.sparse else _descend

    def parameters(self, d: int) -> Floats:
        return np.array([self.l2])

    def value(self, theta: Floats, points: Points) -> float:
        residuals = points.features @ theta - points.labels
        return float(points.weights @ (residuals**2 / 2 + self.l2 / 2 * theta @ theta))

    def gradient(self, theta: Floats, points: Points) -> Floats:
        residuals = points.features @ theta - points.labels
        ridge = self.l2 * points.weights.sum() * theta
        return np.asarray(points.features.T @ (points.weights * residuals) + ridge)

    def gradients(self, theta: Floats, points: Points) -> Floats:
        residuals = points.features @ theta - points.labels
        return np.asarray(residuals[:, None] * points.features + self.l2 * theta)

    def hessian(self, theta: Floats, points: Points) -> Floats:
        ridge = self.l2 * points.weights.sum() * np.eye(len(theta))
        return np.asarray(points.features.T @ (points.weights[:, None] * points.features) + ridge)

    def product(self, theta: Floats, direction: Floats, points: Points) -> Floats:
        slopes = points.weights * (points.features @ direction)
        ridge = self.l2 * points.weights.sum() * direction
        return np.asarray(points.features.T @ slopes + ridge)


@dense_steps
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
    agents, trials, _ = theta.shape
    target = theta if out is None else out
    keep = 1.0 if out is None else 0.0
    predictions = np.empty((batch.max(), trials))
    for n in range(len(gamma)):
        for i in range(agents):
            ask_for_next(features, X, n, i)
            for r in range(batch[i]):
                inner_products(theta[i], X[n, i], r, features, predictions[r])
            mine = predictions[: batch[i]]
            move(theta[i], target[i], keep, X[n, i], features, labels, weights, gamma[n], l2, mine)


@sparse_steps
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
    l2 = parameters[0]
    agents, trials, _ = theta.shape
    target = theta if out is None else out
    keep = 1.0 if out is None else 0.0
    predictions = np.empty((batch.max(), trials))
    for n in range(len(gamma)):
        for i in range(agents):
            for r in range(batch[i]):
                sparse_inner_products(theta[i], X[n, i], r, rows, predictions[r])
            mine = predictions[: batch[i]]
            sparse_move(
                theta[i], target[i], keep, X[n, i], rows, labels, weights, gamma[n], l2, mine
            )
