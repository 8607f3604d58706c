"""Losses of points: what a model gives for them, and what it should."""

from collections.abc import Callable
from functools import partial
from typing import TypeAlias

import torch
from torch import Tensor, nn

from udsgd_mpi.support.plugin import users_function
from udsgd_mpi.support.users_code import users

# Takes what the model gives, shape (points, outputs), and labels (points,); gives (points,).
Loss: TypeAlias = Callable[[Tensor, Tensor], Tensor]


def loss_of(name: str) -> Loss:
    """The loss of a name.

    Raises
    ------
    ConfigurationError
        If there is none.
    """
    if name == "cross_entropy":
        return partial(nn.functional.cross_entropy, reduction="none")
    if name == "mse":
        return _squared_error
    return partial(users, f"objective.loss {name}", users_function("objective.loss", name))


def type_of_labels(name: str, of_parameters: torch.dtype) -> torch.dtype:
    """Classes are whole numbers; other labels are of the parameters' type."""
    return torch.int64 if name == "cross_entropy" else of_parameters


def _squared_error(outputs: Tensor, labels: Tensor) -> Tensor:
    return (outputs[:, 0] - labels).square()
