"""L2-regularised logistic regression."""

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
from udsgd_mpi.objectives.exponential import exp
from udsgd_mpi.objectives.linear_model import (
    inner_products,
    move,
    sparse_inner_products,
    sparse_move,
)
from udsgd_mpi.support.errors import ConfigurationError


class Logistic(CompiledObjective, frozen=True, tag="logistic"):
    """F(θ, (x, y)) = log(1 + exp(θᵀx)) − y θᵀx + (κ/2)‖θ‖², y ∈ {0, 1} (paper, eq. 15).

    Parameters
    ----------
    l2
        κ ≥ 0.
    """

    l2: Annotated[float, Meta(ge=0)] = 1.0

    @property
    def classifies(self) -> bool:
        return True

    def encode(self, labels: Floats, classes: Floats) -> Floats:
        if len(classes) != 2:
            shown = ", ".join(f"{c:g}" for c in classes[:5]) + (", …" if len(classes) > 5 else "")
            raise ConfigurationError(
                "labels: expected two classes for logistic regression among the agents' points,"
                f" got {len(classes)} ({shown}); choose a two-class data set, or larger shares"
            )
        return np.asarray(labels == classes[1], dtype=np.float64)

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
        z = points.features @ theta
        losses = np.logaddexp(0.0, z) - points.labels * z + self.l2 / 2 * theta @ theta
        return float(points.weights @ losses)

    def gradient(self, theta: Floats, points: Points) -> Floats:
        residuals = _probability(points.features @ theta) - points.labels
        return np.asarray(
            points.features.T @ (points.weights * residuals)
            + self.l2 * points.weights.sum() * theta
        )

    def correct(self, theta: Floats, points: Points) -> NDArray[np.bool_]:
        return np.asarray((points.features @ theta > 0) == (points.labels == 1))

    def gradients(self, theta: Floats, points: Points) -> Floats:
        residuals = _probability(points.features @ theta) - points.labels
        return np.asarray(residuals[:, None] * points.features + self.l2 * theta)

    def hessian(self, theta: Floats, points: Points) -> Floats:
        p = _probability(points.features @ theta)
        curvature = points.weights * p * (1 - p)
        ridge = self.l2 * points.weights.sum() * np.eye(len(theta))
        return np.asarray(points.features.T @ (curvature[:, None] * points.features) + ridge)

    def product(self, theta: Floats, direction: Floats, points: Points) -> Floats:
        p = _probability(points.features @ theta)
        slopes = points.weights * p * (1 - p) * (points.features @ direction)
        ridge = self.l2 * points.weights.sum() * direction
        return np.asarray(points.features.T @ slopes + ridge)


def _probability(z: Floats) -> Floats:
    """1 / (1 + e^(−z)) without overflow."""
    return np.asarray(np.exp(-np.logaddexp(0, -z)))


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
                for t in range(trials):
                    predictions[r, t] = 1 / (1 + exp(-predictions[r, t]))
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
                for t in range(trials):
                    predictions[r, t] = 1 / (1 + exp(-predictions[r, t]))
            mine = predictions[: batch[i]]
            sparse_move(
                theta[i], target[i], keep, X[n, i], rows, labels, weights, gamma[n], l2, mine
            )
