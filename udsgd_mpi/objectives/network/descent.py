"""Local steps, one agent and one trial after the other."""

from collections import OrderedDict
from itertools import product
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from udsgd_mpi.objectives.network.batches import Batches
from udsgd_mpi.objectives.network.flat import FlatModule, rows_of
from udsgd_mpi.objectives.network.losses import Loss

Array: TypeAlias = NDArray[np.floating[Any]] | Tensor

_BUFFERS = 4  # θ before and after mixing, and as many of other variants


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
        self._views: OrderedDict[tuple[int, ...], list[list[Tensor]]] = OrderedDict()

    def __call__(
        self,
        theta: Array,
        X: NDArray[np.int32],
        gamma: NDArray[np.float64],
        batches: Batches,
        batch: NDArray[np.int64],
        statistics: Array | None,
    ) -> None:
        """Take the steps; shapes as in ``Objective.descend``, statistics (agents, trials, s)."""
        rows = rows_of(theta)
        views = self._views_of(rows)
        kept = None if statistics is None else rows_of(statistics)
        agents, trials, _ = rows.shape
        for k, (i, t) in enumerate(product(range(agents), range(trials))):
            self._module.bind(views[k])
            if kept is not None:
                self._module.bind_statistics(kept[i, t])
            row, size = rows[i, t], int(batch[i])
            steps = (gamma * batches.points.weights[X[:, i, t]]).tolist()
            for x, step in zip(X[:, i, t].tolist(), steps, strict=True):
                row.add_(self.slope(row, x, batches, size), alpha=-step)

    def slope(self, row: Tensor, x: int, batches: Batches, size: int) -> Tensor:
        """∇F of a mini-batch at the row that is bound, unweighted, shape (d,)."""
        module = self._module
        module.train(mode=True)
        slope = module.slope.zero_()
        inputs, labels = batches.run(x, size)
        self._loss(module.module(inputs), labels).mean().backward()
        return slope.add_(row, alpha=self._l2) if self._l2 else slope

    def _views_of(self, rows: Tensor) -> list[list[Tensor]]:
        """Views of each row; making them takes as long as a tenth of a small network's step."""
        key = rows.data_ptr(), *rows.shape
        if key not in self._views:
            self._views[key] = [self._module.views(row) for row in rows.flatten(0, 1)]
            if len(self._views) > _BUFFERS:
                self._views.popitem(last=False)
        return self._views[key]
