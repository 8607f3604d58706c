"""Local steps of all trials of all agents at once."""

from contextlib import nullcontext

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.func import functional_call

from udsgd_mpi.data.images.augmentation import Variation
from udsgd_mpi.objectives.network.batches import Batches
from udsgd_mpi.objectives.network.convolution import AsProducts
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
        self._steps: dict[tuple[int, ...], _Step] = {}
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
        """Take the steps; shapes as in ``Objective.descend``.

        Raises
        ------
        ConfigurationError
            If mini-batches are of different sizes.
        """
        rows, size = self._rows(theta, batch, variation)
        weighted = gamma[:, None] * batches.weights[X].reshape(len(X), -1)
        first, steps = _beside(rows, X), torch.from_numpy(weighted).to(rows)
        step = self._step(rows, batches, size)
        for n in range(len(X)):
            step(first[n], steps[n])

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
        rows, size = self._rows(theta, batch, variation)
        weights = torch.from_numpy(batches.weights[X].ravel()).to(rows)
        step = self._step(rows, batches, size)
        step.slopes(_beside(rows, X[None])[0])
        torch.mul(step.found, weights[:, None], out=torch.as_tensor(out).flatten(0, 1))

    def _rows(
        self, theta: Array, batch: NDArray[np.int64], variation: Variation | None
    ) -> tuple[Tensor, int]:
        """θ, shape (rows, d), and the size of a mini-batch."""
        if variation is not None:
            message = "steps of all models at once vary no images"
            raise ValueError(message)
        if batch.min() < batch.max():
            raise ConfigurationError(
                "objective.vectorise: expected mini-batches of one size, got sizes from"
                f" {batch.min()} to {batch.max()}; use one batch for all groups, or vectorise ="
                " false"
            )
        self._module.train(mode=True)
        return rows_of(theta).flatten(0, 1), int(batch[0])

    def _step(self, rows: Tensor, batches: Batches, size: int) -> "_Step":
        if batches is not self._batches:  # another variant: steps keep the rows of the last one
            self._steps.clear()
            self._batches = batches
        key = rows.data_ptr(), *rows.shape, size
        if key not in self._steps:
            self._steps[key] = _Step(self._module, self._loss, self._l2, rows, batches, size)
        return self._steps[key]


class _Step:
    """One step of fixed rows of θ, shape (rows, d), with mini-batches of fixed size.

    Attributes
    ----------
    found
        Gradients, shape (rows, d).
    """

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
        self.found = torch.zeros_like(rows)
        self._leaves = [view.detach().requires_grad_() for view in module.views(rows)]
        self._parts = module.views(self.found)
        self._named = module.named(self._leaves)
        self._models = torch.vmap(lambda named, x: functional_call(module.module, named, (x,)))
        self._within = torch.arange(size, device=rows.device)
        self._first = torch.zeros(len(rows), dtype=torch.int64, device=rows.device)
        self._graph = self._recorded() if rows.is_cuda else None

    def __call__(self, first: Tensor, step: Tensor) -> None:
        """Take it with the mini-batches from rows ``first`` on, and γ w ``step``; both (rows,)."""
        self.slopes(first)
        self._rows.addcmul_(self.found, step[:, None], value=-1)

    def slopes(self, first: Tensor) -> None:
        """Find the gradients of the mini-batches from rows ``first`` on."""
        self._first.copy_(first)
        if self._graph is None:
            self._find()
        else:
            self._graph.replay()

    def _find(self) -> None:
        inputs, labels = self._batches.rows(self._first[:, None] + self._within)
        with AsProducts() if self._rows.is_cuda else nullcontext():
            outputs = self._models(self._named, inputs)
        losses = self._loss(outputs.flatten(0, 1), labels.flatten())
        slopes = torch.autograd.grad(losses.sum() / len(self._within), self._leaves)
        for part, slope in zip(self._parts, slopes, strict=True):
            part.copy_(slope)
        if self._l2:
            self.found.add_(self._rows, alpha=self._l2)

    def _recorded(self) -> torch.cuda.CUDAGraph:
        side = torch.cuda.Stream()  # PyTorch wants a few runs on another stream before recording
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(3):
                self._find()
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self._find()
        return graph


def _beside(rows: Tensor, X: NDArray[np.int32]) -> Tensor:
    """X where θ is, shape (steps, rows)."""
    return torch.from_numpy(X.reshape(len(X), -1).astype(np.int64)).to(rows.device)
