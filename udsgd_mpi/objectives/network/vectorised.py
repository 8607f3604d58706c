"""Local steps of all trials of all agents at once."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.func import functional_call

from udsgd_mpi.objectives.network.batches import Batches
from udsgd_mpi.objectives.network.descent import Array
from udsgd_mpi.objectives.network.flat import FlatModule, rows_of
from udsgd_mpi.objectives.network.losses import Loss
from udsgd_mpi.support.errors import ConfigurationError


class VectorisedDescent:
    """As ``Descent``, with a model for each row of θ, and one pass for all of them.

    On a GPU a step is recorded once and then replayed, as starting its many small kernels one by
    one takes longer than they do.

    Raises
    ------
    ConfigurationError
        For BatchNorm, whose statistics would have to change in place.
    """

    def __init__(self, module: FlatModule, loss: Loss, l2: float) -> None:
        if module.statistics:
            raise ConfigurationError(
                "objective.vectorise: expected a model without BatchNorm, got"
                f" {module.name} with it; use GroupNorm, or vectorise = false"
            )
        self._module = module
        self._loss = loss
        self._l2 = l2
        self._steps: dict[tuple[Any, ...], _Step] = {}

    def __call__(
        self,
        theta: Array,
        X: NDArray[np.int32],
        gamma: NDArray[np.float64],
        batches: Batches,
        batch: NDArray[np.int64],
        statistics: Array | None,
    ) -> None:
        """Take the steps; shapes as in ``Objective.descend``.

        Raises
        ------
        ConfigurationError
            If mini-batches are of different sizes.
        """
        if batch.min() < batch.max():
            raise ConfigurationError(
                "objective.vectorise: expected mini-batches of one size, got sizes from"
                f" {batch.min()} to {batch.max()}; use one batch for all groups, or vectorise ="
                " false"
            )
        self._module.train(mode=True)
        rows = rows_of(theta).flatten(0, 1)
        weighted = gamma[:, None] * batches.points.weights[X].reshape(len(X), -1)
        first = torch.from_numpy(X.reshape(len(X), -1).astype(np.int64)).to(rows.device)
        steps = torch.from_numpy(weighted).to(rows.device, rows.dtype)
        step = self._step(rows, batches, int(batch[0]))
        for n in range(len(X)):
            step(first[n], steps[n])

    def _step(self, rows: Tensor, batches: Batches, size: int) -> "_Step":
        key = rows.data_ptr(), *rows.shape, id(batches), size
        if key not in self._steps:
            if len(self._steps) == 4:
                self._steps.pop(next(iter(self._steps)))
            self._steps[key] = _Step(self._module, self._loss, self._l2, rows, batches, size)
        return self._steps[key]


class _Step:
    """One step of fixed rows of θ, shape (rows, d), with mini-batches of fixed size."""

    def __init__(
        self,
        module: FlatModule,
        loss: Loss,
        l2: float,
        rows: Tensor,
        batches: Batches,
        size: int,
    ) -> None:
        self._loss = loss
        self._l2 = l2
        self._rows = rows
        self._batches = batches
        self._slopes = torch.zeros_like(rows)
        self._leaves = [view.detach().requires_grad_() for view in module.views(rows)]
        self._parts = module.views(self._slopes)
        self._named = module.named(self._leaves)
        self._models = torch.vmap(lambda named, x: functional_call(module.module, named, (x,)))
        self._within = torch.arange(size, device=rows.device)
        self._first = torch.zeros(len(rows), dtype=torch.int64, device=rows.device)
        self._step = torch.zeros(len(rows), dtype=rows.dtype, device=rows.device)
        self._graph = self._recorded() if rows.is_cuda else None

    def __call__(self, first: Tensor, step: Tensor) -> None:
        """Take it with the mini-batches from rows ``first`` on, and γ w ``step``; both (rows,)."""
        self._first.copy_(first)
        self._step.copy_(step)
        if self._graph is None:
            self._take()
        else:
            self._graph.replay()

    def _take(self) -> None:
        inputs, labels = self._batches.rows(self._first[:, None] + self._within)
        outputs = self._models(self._named, inputs)
        losses = self._loss(outputs.flatten(0, 1), labels.flatten())
        slopes = torch.autograd.grad(losses.sum() / len(self._within), self._leaves)
        for part, slope in zip(self._parts, slopes, strict=True):
            part.copy_(slope)
        if self._l2:
            self._slopes.add_(self._rows, alpha=self._l2)
        self._rows.addcmul_(self._slopes, self._step[:, None], value=-1)

    def _recorded(self) -> torch.cuda.CUDAGraph:
        before = self._rows.clone()
        side = torch.cuda.Stream()  # PyTorch wants a few runs on another stream before recording
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):
                self._take()
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self._take()
        self._rows.copy_(before)
        return graph
