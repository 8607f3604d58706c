"""Objectives in which F depends on θ through θᵀx, and a penalty: logistic and ridge regression."""

from typing import Annotated, ClassVar

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from udsgd_mpi.data.features import largest_moments
from udsgd_mpi.kernels.compiled import inlined
from udsgd_mpi.kernels.prefetch import AHEAD, ask_for, ask_for_next
from udsgd_mpi.objectives.base import Floats, Points
from udsgd_mpi.objectives.compiled import (
    DENSE_POINTS,
    SPARSE_POINTS,
    CompiledObjective,
    SparseRows,
    StepKernels,
    steps_on,
)
from udsgd_mpi.objectives.exponential import exp

Indices = NDArray[np.int32]


class LinearModel(CompiledObjective, frozen=True):
    """∇F(θ, (x, y)) = (p(θᵀx) − y) x + κ θ for a prediction p.

    The steps of all trials are taken together, first all inner products, then all moves, so that a
    processor works on several at once.

    Parameters
    ----------
    l2
        κ ≥ 0.

    Attributes
    ----------
    predicts_probability
        Whether p(z) is 1 / (1 + e^(−z)); otherwise it is z.
    steepest
        Upper bound of p′(z).
    """

    l2: Annotated[float, Meta(ge=0)] = 1.0
    predicts_probability: ClassVar[bool] = False
    steepest: ClassVar[float] = 1.0

    def dimension(self, features: int, classes: int) -> int:
        return features

    def remedy(self, *, convex: bool) -> str:
        if self.l2 == 0:
            return "use objective.l2 > 0"
        return super().remedy(convex=convex)

    def kernels(self, points: Points) -> StepKernels:
        return _descend_sparsely if points.sparse else _descend

    def parameters(self, d: int) -> Floats:
        return np.array([self.l2, self.predicts_probability], dtype=np.float64)

    def prediction(self, z: Floats) -> Floats:
        """p(z)."""
        raise NotImplementedError

    def curvatures(self, z: Floats, weights: Floats) -> Floats:
        """Weights times p′(z)."""
        raise NotImplementedError

    def gradient(self, theta: Floats, points: Points) -> Floats:
        residuals = self.prediction(points.features @ theta) - points.labels
        ridge = self.l2 * points.weights.sum() * theta
        return np.asarray(points.features.T @ (points.weights * residuals) + ridge)

    def gradients(self, theta: Floats, points: Points) -> Floats:
        residuals = self.prediction(points.features @ theta) - points.labels
        return np.asarray(residuals[:, None] * points.features + self.l2 * theta)

    def hessian(self, theta: Floats, points: Points) -> Floats:
        curvatures = self.curvatures(points.features @ theta, points.weights)
        ridge = self.l2 * points.weights.sum() * np.eye(len(theta))
        return np.asarray(points.features.T @ (curvatures[:, None] * points.features) + ridge)

    def largest_curvatures(self, theta: Floats, points: Points, batch: int) -> Floats:
        return self.steepest * largest_moments(points.features, batch) + self.l2

    def product(self, theta: Floats, direction: Floats, points: Points) -> Floats:
        curvatures = self.curvatures(points.features @ theta, points.weights)
        ridge = self.l2 * points.weights.sum() * direction
        return np.asarray(points.features.T @ (curvatures * (points.features @ direction)) + ridge)


@inlined
def _inner_products(theta: Floats, X: Indices, r: int, features: Floats, out: Floats) -> None:
    """θᵀx in each trial for the r-th point x of its mini-batch.

    theta is (trials, d); X, the first rows of the mini-batches, and out are (trials,).
    """
    trials, d = theta.shape
    for t in range(trials):
        if t + AHEAD < trials:
            ask_for(features, X[t + AHEAD] + r)
        total = 0.0
        for k in range(d):
            total += theta[t, k] * features[X[t] + r, k]
        out[t] = total


@inlined
def _move(
    theta: Floats,
    out: Floats,
    keep: float,
    X: Indices,
    features: Floats,
    labels: Floats,
    weights: Floats,
    gamma: float,
    l2: float,
    predictions: Floats,
) -> None:
    """Out ← keep θ − γ w (mean of (prediction − y) x over the mini-batch + κ θ) in each trial.

    predictions is (batch, trials); out may be θ.
    """
    trials, d = theta.shape
    batch = len(predictions)
    for t in range(trials):
        x = X[t]
        step = gamma * weights[x]
        slope = step / batch * (predictions[0, t] - labels[x])
        shrink = keep - step * l2
        for k in range(d):
            out[t, k] = shrink * theta[t, k] - slope * features[x, k]
    for r in range(1, batch):
        for t in range(trials):
            x = X[t] + r
            slope = gamma * weights[x] / batch * (predictions[r, t] - labels[x])
            for k in range(d):
                out[t, k] -= slope * features[x, k]


@inlined
def _sparse_inner_products(
    theta: Floats, X: Indices, r: int, rows: SparseRows, out: Floats
) -> None:
    """The same for sparse rows."""
    values, columns, starts, _ = rows
    for t in range(len(theta)):
        x = X[t] + r
        total = 0.0
        for k in range(starts[x], starts[x + 1]):
            total += theta[t, columns[k]] * values[k]
        out[t] = total


@inlined
def _sparse_move(
    theta: Floats,
    out: Floats,
    keep: float,
    X: Indices,
    rows: SparseRows,
    labels: Floats,
    weights: Floats,
    gamma: float,
    l2: float,
    predictions: Floats,
) -> None:
    """The same for sparse rows; beside their features only the penalty moves θ."""
    values, columns, starts, _ = rows
    trials, d = theta.shape
    batch = len(predictions)
    for t in range(trials):
        x = X[t]
        step = gamma * weights[x]
        slope = step / batch * (predictions[0, t] - labels[x])
        shrink = keep - step * l2
        for k in range(d):
            out[t, k] = shrink * theta[t, k]
        for k in range(starts[x], starts[x + 1]):
            out[t, columns[k]] -= slope * values[k]
    for r in range(1, batch):
        for t in range(trials):
            x = X[t] + r
            slope = gamma * weights[x] / batch * (predictions[r, t] - labels[x])
            for k in range(starts[x], starts[x + 1]):
                out[t, columns[k]] -= slope * values[k]


@inlined
def _to_probabilities(predictions: Floats) -> None:
    """1 / (1 + e^(−z)) of each, shape (trials,)."""
    for t in range(len(predictions)):
        predictions[t] = 1 / (1 + exp(-predictions[t]))


@steps_on(DENSE_POINTS)
def _descend(
    theta: Floats,
    out: Floats | None,
    X: Indices,
    gamma: Floats,
    features: Floats,
    labels: Floats,
    weights: Floats,
    batch: NDArray[np.int64],
    parameters: Floats,
) -> None:
    l2, probability = parameters[0], parameters[1] > 0
    agents, trials, _ = theta.shape
    target = theta if out is None else out
    keep = 1.0 if out is None else 0.0
    predictions = np.empty((batch.max(), trials))
    for n in range(len(gamma)):
        for i in range(agents):
            ask_for_next(features, X, n, i)
            for r in range(batch[i]):
                _inner_products(theta[i], X[n, i], r, features, predictions[r])
                if probability:
                    _to_probabilities(predictions[r])
            mine = predictions[: batch[i]]
            _move(theta[i], target[i], keep, X[n, i], features, labels, weights, gamma[n], l2, mine)


@steps_on(SPARSE_POINTS)
def _descend_sparsely(
    theta: Floats,
    out: Floats | None,
    X: Indices,
    gamma: Floats,
    rows: SparseRows,
    labels: Floats,
    weights: Floats,
    batch: NDArray[np.int64],
    parameters: Floats,
) -> None:
    l2, probability = parameters[0], parameters[1] > 0
    agents, trials, _ = theta.shape
    target = theta if out is None else out
    keep = 1.0 if out is None else 0.0
    predictions = np.empty((batch.max(), trials))
    for n in range(len(gamma)):
        for i in range(agents):
            for r in range(batch[i]):
                _sparse_inner_products(theta[i], X[n, i], r, rows, predictions[r])
                if probability:
                    _to_probabilities(predictions[r])
            mine = predictions[: batch[i]]
            _sparse_move(
                theta[i], target[i], keep, X[n, i], rows, labels, weights, gamma[n], l2, mine
            )
