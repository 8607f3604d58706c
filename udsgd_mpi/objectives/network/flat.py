"""A module whose parameters and running statistics are views of flat rows."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from udsgd_mpi.support.errors import ConfigurationError

GRAIN = 16  # numbers; a cache line of float32

_STATISTICS = ("running_mean", "running_var")
_BatchNorm = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


class FlatModule:
    """A module with θ's row for its parameters; nothing is copied to or from it.

    PyTorch's products of single points depend in their last bits on where in a cache line a row
    begins, so rows are filled up with zeros to a multiple of 16 numbers, those of statistics too.

    Parameters
    ----------
    name
        What the user calls the model.

    Attributes
    ----------
    module
        Its parameters are where ``bind`` puts them.
    parameters
        Each once, also one that several layers share.
    used, d
        Numbers of all parameters, and of a row.
    statistics
        Numbers in a row of running means and variances.
    """

    def __init__(self, module: nn.Module, name: str, dtype: torch.dtype, device: str) -> None:
        _require_trainable(module, name)
        self.module = module.to(device, dtype)
        self.name = name
        self.parameters = dict(module.named_parameters())
        self._shapes = [parameter.shape for parameter in self.parameters.values()]
        ends = np.cumsum([shape.numel() for shape in self._shapes])
        self._bounds = list(zip([0, *ends[:-1].tolist()], ends.tolist(), strict=True))
        self.used = int(ends[-1])
        self.d = _whole_lines(self.used)
        self._dtype = dtype
        self._device = device
        self._norms = [layer for layer in module.modules() if isinstance(layer, _BatchNorm)]
        self._norms = [layer for layer in self._norms if layer.track_running_stats]
        self.statistics = _whole_lines(sum(self._sizes()))

    def views(self, rows: Tensor) -> list[Tensor]:
        """Each parameter in rows of shape (…, d), shape (…, *shape)."""
        before = rows.shape[:-1]
        return [
            rows[..., first:end].view(*before, *shape)
            for (first, end), shape in zip(self._bounds, self._shapes, strict=True)
        ]

    def bind(self, views: list[Tensor]) -> None:
        """Have the module compute with the parameters in a row, whose views these are."""
        for parameter, view in zip(self.parameters.values(), views, strict=True):
            parameter.data = view

    def bind_statistics(self, row: Tensor) -> None:
        """Have BatchNorm read and update its statistics in a row, shape (statistics,)."""
        sizes = self._sizes()
        parts = row[: sum(sizes)].split(sizes)
        for (layer, name), part in zip(self._kept(), parts, strict=True):
            setattr(layer, name, part)

    def row(self) -> Tensor:
        """The parameters as they are, in a row of their own, shape (d,)."""
        row = self.empty_row()
        for view, parameter in zip(self.views(row), self.parameters.values(), strict=True):
            view.copy_(parameter.detach())
        return row

    def empty_row(self) -> Tensor:
        """Zeros, shape (d,)."""
        return torch.zeros(self.d, dtype=self._dtype, device=self._device)

    def statistics_row(self) -> Tensor:
        """Running statistics as they are, in a row of their own, shape (statistics,)."""
        row = torch.zeros(self.statistics, dtype=self._dtype, device=self._device)
        parts = [getattr(layer, name) for layer, name in self._kept()]
        if parts:
            row[: sum(self._sizes())] = torch.cat(parts)
        return row

    def named(self, views: list[Tensor]) -> dict[str, Tensor]:
        """Views by the parameters' names, for ``torch.func.functional_call``."""
        return dict(zip(self.parameters, views, strict=True))

    def train(self, *, mode: bool) -> None:
        """Say whether BatchNorm takes the statistics of the mini-batch, or the running ones."""
        if self.module.training != mode:
            self.module.train(mode)

    def _kept(self) -> Iterator[tuple[nn.Module, str]]:
        return ((layer, name) for layer in self._norms for name in _STATISTICS)

    def _sizes(self) -> list[int]:
        return [layer.num_features for layer, _ in self._kept()]


def _whole_lines(numbers: int) -> int:
    return -(-numbers // GRAIN) * GRAIN


def rows_of(array: NDArray[Any] | Tensor) -> Tensor:
    """The tensor that lies where an array of rows lies.

    Raises
    ------
    ValueError
        If rows begin elsewhere than at cache lines: bits would depend on where they lie.
    """
    rows = array if isinstance(array, Tensor) else torch.from_numpy(array)
    if rows.data_ptr() % 64 or not rows.is_contiguous():
        message = "rows of θ have to be contiguous and to begin at a cache line"
        raise ValueError(message)
    return rows


def _require_trainable(module: nn.Module, name: str) -> None:
    """Refuse what θ cannot hold: it says which parameter it is."""
    own = f"objective.model {name}"
    parameters = dict(module.named_parameters())
    if not parameters:
        raise ConfigurationError(f"{own}: expected parameters to be learnt, got none")
    ends: dict[int, str] = {}
    for key, parameter in parameters.items():
        if isinstance(parameter, nn.UninitializedParameter):
            raise ConfigurationError(
                f"{own}: expected parameters whose shapes are known, got the lazy {key}; give its"
                " layer the number of inputs"
            )
        if parameter.dtype != torch.float32:
            raise ConfigurationError(
                f"{own}: expected parameters of float32, got {key} of"
                f" {str(parameter.dtype).removeprefix('torch.')}; leave their type to PyTorch"
            )
        if not parameter.requires_grad:
            raise ConfigurationError(
                f"{own}: expected parameters that are all learnt, got {key} with requires_grad ="
                " False; register what stays as it is as a buffer"
            )
        storage = parameter.untyped_storage().data_ptr()
        if storage in ends:
            raise ConfigurationError(
                f"{own}: expected each parameter in a place of its own, got {key} in that of"
                f" {ends[storage]}; for shared weights give both layers the same Parameter"
            )
        ends[storage] = key
    for layer in module.modules():
        if isinstance(layer, _BatchNorm) and layer.track_running_stats and layer.momentum is None:
            raise ConfigurationError(
                f"{own}: expected a momentum of BatchNorm, got None; a mean over all steps is no"
                " state that agents can share"
            )
