"""Local steps, one agent and one trial after the other."""

from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from udsgd_mpi.data.images.augmentation import Variation
from udsgd_mpi.objectives.network.batches import Batches, Vary
from udsgd_mpi.objectives.network.flat import FlatModule, rows_of
from udsgd_mpi.objectives.network.losses import Loss

Array: TypeAlias = NDArray[np.floating[Any]] | Tensor


class Descent:
    """θ ← θ − γ w (∇F(θ, batch) + κθ), in the rows of θ themselves.

    Parameters
    ----------
    l2
        κ.
    """

    def __init__(self, module: FlatModule, loss: Loss, l2: float) -> None:
        self._module = module
        self._loss = loss
        self._l2 = l2
        self._parameters = [*module.parameters.values()]
        self._views: dict[tuple[int, ...], list[list[Tensor]]] = {}
        self._batches: Batches | None = None

    def __call__(
        self,
        theta: Array,
        X: NDArray[np.int32],
        gamma: NDArray[np.float64],
        batches: Batches,
        batch: NDArray[np.int64],
        statistics: Array | None,
        variation: Variation | None = None,
    ) -> None:
        """Take the steps; shapes as in ``Objective.descend``, statistics (agents, trials, s)."""
        self._begin(batches)
        rows = rows_of(theta)
        views = self._views_of(rows)
        kept = None if statistics is None else rows_of(statistics)
        for k, (i, t) in enumerate(np.ndindex(*X.shape[1:])):
            self._module.bind(views[k])
            if kept is not None:
                self._module.bind_statistics(kept[i, t])
            size = int(batch[i])
            steps = (gamma * batches.weights[X[:, i, t]]).tolist()
            for n, (x, step) in enumerate(zip(X[:, i, t].tolist(), steps, strict=True)):
                vary = None if variation is None else variation.of(i, t, n)
                found = self._slopes(x, batches, size, vary)
                for view, slope in zip(views[k], found, strict=True):
                    whole = slope.add(view, alpha=self._l2) if self._l2 else slope
                    view.add_(whole, alpha=-step)

    def slopes(
        self,
        theta: Array,
        X: NDArray[np.int32],
        batches: Batches,
        batch: NDArray[np.int64],
        out: Array,
        statistics: Array | None,
        variation: Variation | None = None,
    ) -> None:
        """Write w (∇F(θ, batch) + κθ) into the rows of ``out``, all (agents, trials, d)."""
        self._begin(batches)
        rows, slopes = rows_of(theta), torch.as_tensor(out)
        slopes[..., self._module.used :].zero_()
        kept = None if statistics is None else rows_of(statistics)
        pairs = zip(self._views_of(rows), self._views_of(slopes), strict=True)
        for (i, t), (views, parts) in zip(np.ndindex(*X.shape), pairs, strict=True):
            self._module.bind(views)
            if kept is not None:
                self._module.bind_statistics(kept[i, t])
            x = int(X[i, t])
            vary = None if variation is None else variation.of(i, t, 0)
            found = self._slopes(x, batches, int(batch[i]), vary)
            for part, slope in zip(parts, found, strict=True):
                part.copy_(slope)
            if self._l2:
                slopes[i, t].add_(rows[i, t], alpha=self._l2)
            slopes[i, t].mul_(float(batches.weights[x]))

    def _slopes(self, x: int, batches: Batches, size: int, vary: Vary | None) -> tuple[Tensor, ...]:
        """Gradients of a mini-batch where the module is bound, unweighted, of each parameter."""
        inputs, labels = batches.run(x, size, vary)
        loss = self._loss(self._module.module(inputs), labels).mean()
        return torch.autograd.grad(loss, self._parameters, materialize_grads=True)

    def _begin(self, batches: Batches) -> None:
        self._module.train(mode=True)
        if batches is not self._batches:  # another variant: views keep the rows of the last one
            self._views.clear()
            self._batches = batches

    def _views_of(self, rows: Tensor) -> list[list[Tensor]]:
        """Views of each row; making them takes as long as a tenth of a small network's step."""
        key = rows.data_ptr(), *rows.shape
        if key not in self._views:
            self._views[key] = [self._module.views(row) for row in rows.flatten(0, 1)]
        return self._views[key]
