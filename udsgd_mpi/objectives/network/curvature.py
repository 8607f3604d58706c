"""First and second derivatives of sums over points, as functions of a flat θ."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.func import functional_call, grad, vmap

from udsgd_mpi.objectives.network.batches import Batches
from udsgd_mpi.objectives.network.flat import FlatModule
from udsgd_mpi.objectives.network.losses import Loss
from udsgd_mpi.objectives.network.settings import CHUNK
from udsgd_mpi.support.errors import ConfigurationError

_MOST_NUMBERS = 2**24  # of gradients that are held beside the result

# Numbers of a Hessian are d², and each of its rows takes a pass over all points.
MOST_PARAMETERS = 2_048


class Curvature:
    """Derivatives of Σ_x w(x) F(θ, x), with running statistics where there are such."""

    def __init__(self, module: FlatModule, loss: Loss, l2: float) -> None:
        self._module = module
        self._loss = loss
        self._l2 = l2

    def value_and_gradient(self, theta: Tensor, batches: Batches) -> tuple[float, Tensor]:
        """The sum, and its gradient, shape (d,), both in double precision."""
        value, total = 0.0, torch.zeros(len(theta), dtype=torch.float64, device=theta.device)
        at = theta.detach().requires_grad_()
        for part in self._parts(at, batches):
            total += torch.autograd.grad(part, at)[0]
            value += part.item()
        return value, total

    def product(self, theta: Tensor, direction: Tensor, batches: Batches) -> Tensor:
        """Hessian times a direction, shape (d,), in double precision."""
        total = torch.zeros(len(theta), dtype=torch.float64, device=theta.device)
        at = theta.detach().requires_grad_()
        for part in self._parts(at, batches):
            (slope,) = torch.autograd.grad(part, at, create_graph=True)
            total += torch.autograd.grad(slope, at, direction)[0]
        return total

    def hessian(self, theta: Tensor, batches: Batches) -> Tensor:
        """Shape (d, d), in double precision.

        Raises
        ------
        ConfigurationError
            If d is too large for it.
        """
        d = len(theta)
        if d > MOST_PARAMETERS:
            raise ConfigurationError(
                f"objective: expected at most {MOST_PARAMETERS:,} parameters for a Hessian, got"
                f" {d:,} of {self._module.name}; use a smaller network, or run without a prediction"
            )
        total = torch.zeros((d, d), dtype=torch.float64, device=theta.device)
        at = theta.detach().requires_grad_()
        for part in self._parts(at, batches):
            (slope,) = torch.autograd.grad(part, at, create_graph=True)
            for rows in torch.eye(d, dtype=theta.dtype, device=theta.device).split(64):
                more = torch.autograd.grad(
                    slope, at, rows, retain_graph=True, is_grads_batched=True
                )
                first = int(rows[0].argmax())
                total[first : first + len(rows)] += more[0]
        return total

    def gradients(self, theta: Tensor, batches: Batches) -> Tensor:
        """∇F of each point, unweighted, shape (points, d)."""
        module = self._module
        of_points = vmap(grad(self._loss_of_point), in_dims=(None, 0, 0))
        size = max(1, min(CHUNK, _MOST_NUMBERS // len(theta)))
        module.train(mode=False)
        parts = [of_points(theta, *batch) for batch, _ in _chunks(batches, size)]
        return torch.cat(parts) + self._l2 * theta

    def _loss_of_point(self, theta: Tensor, x: Tensor, label: Tensor) -> Tensor:
        return self._losses(theta, x[None], label[None])[0]

    def _losses(self, theta: Tensor, inputs: Tensor, labels: Tensor) -> Tensor:
        named = self._module.named(self._module.views(theta))
        return self._loss(functional_call(self._module.module, named, (inputs,)), labels)

    def _parts(self, theta: Tensor, batches: Batches) -> Iterator[Tensor]:
        """The weighted sum of F over the points, in parts."""
        self._module.train(mode=False)
        weights = torch.from_numpy(batches.weights).to(theta)
        for (inputs, labels), rows in _chunks(batches, CHUNK):
            part = weights[rows] @ self._losses(theta, inputs, labels)
            yield part + self._l2 / 2 * weights[rows].sum() * (theta @ theta)


def _chunks(batches: Batches, size: int) -> Iterator[tuple[tuple[Tensor, Tensor], Any]]:
    for first in range(0, len(batches), size):
        number = min(size, len(batches) - first)
        yield batches.run(first, number), slice(first, first + number)
