"""What the local steps of logistic and ridge regression share: F depends on θ through θᵀx.

The steps of all trials are taken together, first all inner products, then all moves, so that a
processor works on several at once.
"""

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.kernels.compiled import inlined
from udsgd_mpi.kernels.prefetch import AHEAD, ask_for
from udsgd_mpi.objectives.base import SparseRows

Floats = NDArray[np.float64]
Indices = NDArray[np.int32]


@inlined
def inner_products(theta: Floats, X: Indices, r: int, features: Floats, out: Floats) -> None:
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
def move(
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
def sparse_inner_products(theta: Floats, X: Indices, r: int, rows: SparseRows, out: Floats) -> None:
    """The same for sparse rows."""
    values, columns, starts, _ = rows
    for t in range(len(theta)):
        x = X[t] + r
        total = 0.0
        for k in range(starts[x], starts[x + 1]):
            total += theta[t, columns[k]] * values[k]
        out[t] = total


@inlined
def sparse_move(
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
