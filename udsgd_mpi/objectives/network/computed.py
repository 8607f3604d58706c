"""A network as PyTorch computes it, from arrays of the engine to arrays of the engine."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from weakref import finalize

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from udsgd_mpi.data.images.augmentation import Variation
from udsgd_mpi.objectives.base import Floats, Numbers, Points
from udsgd_mpi.objectives.network.allocation import return_large_arrays
from udsgd_mpi.objectives.network.batches import Batches
from udsgd_mpi.objectives.network.build import build, seed_of
from udsgd_mpi.objectives.network.checks import check_parameters, check_shapes, check_state
from udsgd_mpi.objectives.network.curvature import Curvature
from udsgd_mpi.objectives.network.descent import Array, Descent
from udsgd_mpi.objectives.network.device import (
    computed_by,
    device_here,
    require_device,
    same_bits,
)
from udsgd_mpi.objectives.network.flat import FlatModule
from udsgd_mpi.objectives.network.losses import loss_of, type_of_labels
from udsgd_mpi.objectives.network.settings import CHUNK
from udsgd_mpi.objectives.network.vectorised import VectorisedDescent
from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.support.users_code import users

if TYPE_CHECKING:
    from udsgd_mpi.objectives.network.settings import NetworkOn

_TRIED = 8  # points of each agent
_ROWS = 4  # of d numbers in a process, beside agents' own
_TYPES = {np.dtype(np.float32): torch.float32, np.dtype(np.float64): torch.float64}


@lru_cache(maxsize=8)
def computed(network: "NetworkOn", dtype: np.dtype[Any]) -> "Computed":
    """The one that computes a network in numbers of a type; models are built once."""
    return Computed(network, dtype)


class Computed:
    """A network in numbers of one type on one device.

    Attributes
    ----------
    d, used
        Numbers of θ, and those of them that are parameters.
    statistics
        Numbers of BatchNorm's running means and variances, which stand beside θ.
    by
        What decides the last bits beside settings and data.

    Raises
    ------
    ConfigurationError
        If the device is missing, or the model is not what it has to be.
    """

    def __init__(self, network: "NetworkOn", dtype: np.dtype[Any]) -> None:
        return_large_arrays()
        settings = network.settings
        require_device(settings.device)
        self._network = network
        self._dtype = _TYPES[dtype]
        self._device = device_here(settings.device)
        module = build(network, seed=0)
        self._module = FlatModule(module, settings.model, self._dtype, self._device)
        if ":" in settings.model:
            self._guard()
        if settings.batch_norm_statistics == "local" and not self._module.statistics:
            raise ConfigurationError(
                f"objective.batch_norm_statistics: expected a model with BatchNorm for 'local', got"
                f" {settings.model} without; leave it out"
            )
        if settings.minimum is not None and self._module.statistics:
            raise ConfigurationError(
                "objective.minimum: expected a model without BatchNorm, whose statistics move"
                f" beside θ, got {settings.model} with it; use GroupNorm"
            )
        self._loss = loss_of(settings.loss)
        descent = VectorisedDescent if settings.vectorise else Descent
        self._descent = descent(self._module, self._loss, settings.l2)
        self._curvature = Curvature(self._module, self._loss, settings.l2)
        self._batches: dict[int, Batches] = {}
        self._there: dict[tuple[str | int, ...], Tensor] = {}
        self._row = self._module.row()
        self._statistics = self._module.statistics_row().clone()
        self.d, self.used = self._module.d, self._module.used
        self.statistics = self._module.statistics
        self.by = computed_by(self._device)

    def initial(self, seed: int, trials: range) -> Numbers:
        """θ_0 of each trial by the layers' own laws, shape (trials, d); the same for all agents."""
        rows = []
        for trial in trials:
            drawn = build(self._network, seed_of(seed, trial))
            rows.append(FlatModule(drawn, self._module.name, torch.float32, "cpu").row())
        return _array(torch.stack(rows).to(self._dtype))

    def initial_statistics(self) -> Numbers:
        """Running means and variances before the first step, shape (statistics,)."""
        return _array(self._statistics)

    def working_bytes(self, points: int) -> int:
        """Memory for a gradient over so many points at once, at most.

        What PyTorch saves on the way forward, and again for gradients on the way back: together
        1.4 to 2.7 times the former, as measured. Beside it the θ that models are made with and
        computed at, and their gradients.
        """
        saved: dict[int, int] = {}

        def seen(tensor: Tensor) -> Tensor:
            storage = tensor.untyped_storage()
            if storage.data_ptr() != row.untyped_storage().data_ptr():
                saved[storage.data_ptr()] = storage.nbytes()
            return tensor

        with same_bits(self._device):
            row = self._bind(self._row, self._statistics)
            self._module.train(mode=False)
            inputs = torch.zeros((_TRIED, *self._network.shape), dtype=self._dtype)
            with torch.autograd.graph.saved_tensors_hooks(seen, lambda tensor: tensor):
                self._module.module(inputs)  # what is saved lives as long as the result would
        rows = _ROWS * self.d * self._row.element_size()
        return rows + 2 * points * sum(saved.values()) // _TRIED

    def check(self, points: Points, agent: int, *, thorough: bool) -> None:
        """Try the model on an agent's first points.

        Raises
        ------
        ConfigurationError
            Says what was expected of the model or the loss, and what came.
        """
        self._bind(self._row, self._statistics)
        batches = self._batches_of(points)
        batch = batches.run(0, min(_TRIED, len(points.labels)))
        with same_bits(self._device):
            self._module.train(mode=True)
            module, outputs = self._module, self._network.outputs
            try:
                check_shapes(module.module, self._loss, batch, outputs, module.name)
                if thorough:
                    self._check_thoroughly(batch)
            except ConfigurationError as error:
                raise type(error)(f"agent {agent}: {error}") from error

    def descend(
        self,
        theta: Array,
        X: NDArray[np.int32],
        gamma: Floats,
        points: Points,
        batch: NDArray[np.int64],
        statistics: Array | None,
        variation: Variation | None,
    ) -> None:
        """As ``Objective.descend``; ``statistics`` are (agents, trials, statistics).

        θ in the memory of the host is copied to a GPU and back, once for all of these steps.
        """
        batches = self._batches_of(points)
        with self._taking(theta, statistics) as (rows, kept):
            self._descent(rows, X, gamma, batches, batch, kept, variation)
            self._back(rows, theta)

    def slopes(
        self,
        theta: Array,
        X: NDArray[np.int32],
        points: Points,
        batch: NDArray[np.int64],
        out: Array,
        statistics: Array | None,
        variation: Variation | None,
    ) -> None:
        """As ``NetworkOn.slopes``."""
        batches = self._batches_of(points)
        with self._taking(theta, statistics) as (rows, kept):
            slopes = self._on_device(out, "slopes")
            self._descent.slopes(rows, X, batches, batch, slopes, kept, variation)
            self._back(slopes, out)

    @contextmanager
    def _taking(
        self, theta: Array, statistics: Array | None
    ) -> Iterator[tuple[Array, Array | None]]:
        """θ and the statistics where they are computed with; what changes in the latter is kept."""
        self._require(statistics)
        with same_bits(self._device):
            kept = None if statistics is None else self._on_device(statistics, "statistics")
            yield self._on_device(theta, "theta"), kept
            if kept is not None and statistics is not None:
                self._back(kept, statistics)

    def losses(
        self, theta: Array, points: Points, statistics: Array | None
    ) -> tuple[Floats, NDArray[np.bool_]]:
        """Loss of each point without the penalty, and whether its class is found; both (points,).

        Nothing is found by a loss that is not ``cross_entropy``.
        """
        batches = self._batches_of(points)
        losses = np.empty(len(points.labels))
        right = np.zeros(len(points.labels), dtype=np.bool_)
        with same_bits(self._device), torch.no_grad():
            self._bind(theta, statistics)
            self._module.train(mode=False)
            for first in range(0, len(losses), CHUNK):
                inputs, labels = batches.run(first, min(CHUNK, len(losses) - first))
                outputs = self._module.module(inputs)
                rows = slice(first, first + len(labels))
                losses[rows] = self._loss(outputs, labels).cpu()
                if self._network.classifies:
                    right[rows] = (outputs.argmax(1) == labels).cpu()
        return losses, right

    def value_and_gradient(
        self, theta: Array, points: Points, statistics: Array | None
    ) -> tuple[float, Floats]:
        """Weighted sums of F and ∇F over the points, the latter of shape (d,)."""
        batches = self._batches_of(points)
        with same_bits(self._device):
            row = self._bind(theta, statistics)
            value, slope = self._curvature.value_and_gradient(row, batches)
        return value, np.asarray(_array(slope), dtype=np.float64)

    def gradients(self, theta: Array, points: Points) -> Floats:
        """∇F of each point, shape (points, d)."""
        return self._derivative("gradients", theta, points)

    def hessian(self, theta: Array, points: Points) -> Floats:
        """Weighted sum of ∇²F over the points, shape (d, d)."""
        return self._derivative("hessian", theta, points)

    def product(self, theta: Array, direction: Array, points: Points) -> Floats:
        """The same times a direction, shape (d,)."""
        ahead = torch.as_tensor(direction).to(self._device, self._dtype)
        return self._derivative("product", theta, points, ahead)

    def _derivative(self, which: str, theta: Array, points: Points, *arguments: Tensor) -> Floats:
        batches = self._batches_of(points)
        with same_bits(self._device):
            row = self._bind(theta, None)
            found = getattr(self._curvature, which)(row, *arguments, batches)
        return np.asarray(_array(found), dtype=np.float64)

    def _check_thoroughly(self, batch: tuple[Tensor, Tensor]) -> None:
        check_parameters(self._module, self._loss, batch)
        check_state(self._module, batch[0])
        one, other = (self.initial(1, range(1)) for _ in range(2))
        if (one != other).any():
            raise ConfigurationError(
                f"objective.model {self._module.name}: expected the same parameters from the same"
                " seed of PyTorch, got others; draw them by torch alone"
            )

    def _guard(self) -> None:
        """Have the user's own forward pass called as all code of users is."""
        module, own = self._module.module, f"objective.model {self._module.name}"
        forward = module.forward
        module.forward = lambda *inputs: users(own, forward, *inputs)

    def _batches_of(self, points: Points) -> Batches:
        key = id(points)
        if key not in self._batches:
            labels = type_of_labels(self._network.settings.loss, self._dtype)
            self._batches[key] = Batches(
                points, self._network.shape, self._dtype, labels, self._device
            )
            finalize(points, self._batches.pop, key)
        return self._batches[key]

    def _bind(self, theta: Array, statistics: Array | None) -> Tensor:
        """Have the module compute at a copy of θ, shape (d,); gives the copy."""
        self._require(statistics)
        row = torch.as_tensor(theta).to(self._device, self._dtype, copy=True)
        self._module.bind(self._module.views(row))
        if statistics is not None:
            kept = torch.as_tensor(statistics).to(self._device, self._dtype, copy=True)
            self._module.bind_statistics(kept)
        return row

    def _require(self, statistics: Array | None) -> None:
        if self.statistics and statistics is None:
            raise ConfigurationError(
                f"objective.model {self._module.name}: expected that agents keep the running"
                " statistics of BatchNorm beside θ, got none kept; use GroupNorm"
            )

    def _on_device(self, array: Array, name: str) -> Array:
        if self._device == "cpu" or isinstance(array, Tensor):
            return array
        key = name, *array.shape
        if key not in self._there:
            self._there[key] = torch.empty(array.shape, dtype=self._dtype, device=self._device)
        return self._there[key].copy_(torch.from_numpy(array))

    def _back(self, rows: Array, array: Array) -> None:
        if rows is not array:
            torch.from_numpy(array).copy_(torch.as_tensor(rows))


def _array(tensor: Tensor) -> Numbers:
    return np.asarray(tensor.detach().cpu().numpy())
