"""From settings to a module, and the law that its first parameters are drawn from."""

from typing import TYPE_CHECKING

import torch
from torch import nn

from udsgd_mpi.kernels.random_numbers import Purpose, generator
from udsgd_mpi.objectives.network.architectures import cnn5, mlp, resnet18
from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.support.plugin import users_function
from udsgd_mpi.support.users_code import users

if TYPE_CHECKING:
    from udsgd_mpi.objectives.network.settings import NetworkOn


def build(network: "NetworkOn", seed: int) -> nn.Module:
    """A module, its parameters drawn by each layer's own law.

    PyTorch's global generator is set for the time of building, and left as it was.

    Raises
    ------
    ConfigurationError
        If there is no such model, or it does not fit the points.
    """
    settings, shape, outputs = network.settings, network.shape, network.outputs
    with torch.random.fork_rng(devices=()):
        torch.default_generator.manual_seed(seed)
        if settings.model == "cnn5":
            return cnn5(shape, outputs)
        if settings.model == "resnet18":
            return resnet18(shape, outputs, settings.norm)
        if settings.model.startswith("mlp("):
            widths = settings.model[4:-1]
            hidden = [int(width) for width in widths.split(",") if width]
            return mlp(shape, outputs, hidden, settings.activation)
        own = f"objective.model {settings.model}"
        module = users(own, users_function("objective.model", settings.model), shape, outputs)
    if not isinstance(module, nn.Module):
        raise ConfigurationError(
            f"{own}: expected a torch.nn.Module from build(shape, outputs), got"
            f" {type(module).__name__}"
        )
    return module


def seed_of(seed: int, trial: int) -> int:
    """Seed of the first parameters in a trial, the same for all agents."""
    return int(generator(seed, Purpose.INITIAL, trial).integers(2**63))
