"""What a model and its loss have to keep to, tried on points of an agent before the first step.

A model that breaks one of these would train, but not what θ says: parameters that nothing depends
on, state that only one process knows, random numbers that no seed of the run decides.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from udsgd_mpi.objectives.network.flat import FlatModule
from udsgd_mpi.objectives.network.losses import Loss
from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.support.users_code import users

_STATE = ("running_mean", "running_var", "num_batches_tracked")


def check_shapes(
    model: Callable[[Tensor], Any], loss: Loss, batch: tuple[Tensor, Tensor], outputs: int, own: str
) -> None:
    """Try one mini-batch.

    Raises
    ------
    ConfigurationError
        If outputs or losses are not of the shape that they have to be, or are not finite.
    """
    inputs, labels = batch
    got = model(inputs)
    expected = len(labels), outputs
    if not isinstance(got, Tensor) or got.shape != expected:
        raise ConfigurationError(
            f"objective.model {own}: expected outputs of shape {expected} for points of shape"
            f" {(*inputs.shape,)}, got {_shown(got)}; set objective.outputs, or mend the last layer"
        )
    losses = loss(got, labels)
    if not isinstance(losses, Tensor) or losses.shape != labels.shape:
        raise ConfigurationError(
            f"objective.loss: expected a loss of each point, shape {(*labels.shape,)}, got"
            f" {_shown(losses)}; take no mean"
        )
    if not losses.isfinite().all():
        worst = int(losses.isfinite().logical_not().nonzero()[0])
        raise ConfigurationError(
            f"objective: expected finite losses where θ begins, got {losses[worst].item()} at point"
            f" {worst}; look at the data, and at objective.loss"
        )


def check_parameters(module: FlatModule, loss: Loss, batch: tuple[Tensor, Tensor]) -> None:
    """Refuse parameters that the loss does not depend on, and losses that depend on none.

    Raises
    ------
    ConfigurationError
        With the first such parameter.
    """
    inputs, labels = batch
    losses = loss(module.module(inputs), labels).sum()
    parameters = module.parameters
    if not losses.requires_grad:
        raise ConfigurationError(
            f"objective.model {module.name}: expected a loss with a gradient, got one that PyTorch"
            " cannot follow to any parameter; use no detach() and no NumPy inside"
        )
    own = f"objective.model {module.name}"
    slopes = users(own, torch.autograd.grad, losses, [*parameters.values()], allow_unused=True)
    unused = [name for name, slope in zip(parameters, slopes, strict=True) if slope is None]
    if unused:
        others = f" and {len(unused) - 1} others" if len(unused) > 1 else ""
        raise ConfigurationError(
            f"objective.model {module.name}: expected outputs that depend on all parameters, got"
            f" {unused[0]}{others} unused; remove what is not used"
        )


def check_state(module: FlatModule, inputs: Tensor) -> None:
    """Refuse buffers that change in a step, and numbers of PyTorch's global generator.

    Raises
    ------
    ConfigurationError
        With the first such buffer.
    """
    before = {name: buffer.clone() for name, buffer in module.module.named_buffers()}
    with torch.no_grad(), torch.random.fork_rng(devices=()):
        torch.default_generator.manual_seed(1)
        one = module.module(inputs)
        torch.default_generator.manual_seed(2)
        other = module.module(inputs)
    for name, buffer in module.module.named_buffers():
        known = module.statistics and name.rpartition(".")[2] in _STATE
        if not known and not torch.equal(buffer, before[name]):
            raise ConfigurationError(
                f"objective.model {module.name}: expected buffers that stay as they are, got"
                f" {name} that changes in a step; agents share θ and the statistics of BatchNorm"
            )
    if not torch.equal(one, other):
        raise ConfigurationError(
            f"objective.model {module.name}: expected the same outputs for the same points, got"
            " others: a layer such as Dropout draws random numbers that the run's seed does not"
            " decide; leave it out"
        )


def _shown(got: object) -> str:
    return f"shape {(*got.shape,)}" if isinstance(got, Tensor) else f"a {type(got).__name__}"
