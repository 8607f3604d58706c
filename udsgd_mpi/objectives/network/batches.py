"""Mini-batches of points as tensors: images are bytes in memory, and numbers in a batch alone."""

import warnings
from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from udsgd_mpi.data.features import dense_rows, is_sparse
from udsgd_mpi.data.images.pixels import Pixels
from udsgd_mpi.objectives.base import Points

Vary: TypeAlias = Callable[[Pixels], Pixels]


class Batches:
    """Points of some agents where they are computed with.

    Parameters
    ----------
    points
        Their features are numbers of float64, or 8-bit pixels of images, which a batch has
        normalised.
    shape
        Of a point.
    dtype
        Of the numbers in a batch.
    labels
        Type of the labels.

    Attributes
    ----------
    weights
        Importance weights of the points, shape (points,).
    """

    def __init__(
        self,
        points: Points,
        shape: tuple[int, ...],
        dtype: torch.dtype,
        labels: torch.dtype,
        device: str,
    ) -> None:
        dense = dense_rows(points.features, slice(None)) if is_sparse(points.features) else None
        self.weights = points.weights
        self._dtype = dtype
        self._device = device
        features = np.asarray(points.features) if dense is None else dense
        self._features = _tensor(features.reshape(-1, *shape), device)
        self._moments: tuple[Tensor, ...] = ()
        if points.image is not None:
            moments = torch.tensor([points.image.mean, points.image.deviation], dtype=dtype)
            self._moments = moments[:, :, None, None].to(device).unbind()
        self._labels = _tensor(points.labels, device).to(labels)

    def __len__(self) -> int:
        return len(self.weights)

    def run(self, first: int, number: int, vary: Vary | None = None) -> tuple[Tensor, Tensor]:
        """Inputs (number, *shape) and labels (number,) of the rows from ``first`` on.

        Parameters
        ----------
        vary
            Takes images and gives others, (number, *shape) each.
        """
        rows = slice(first, first + number)
        features = self._features[rows]
        if vary is not None:
            features = _tensor(vary(features.cpu().numpy()), self._device)
        return self._numbers(features), self._labels[rows]

    def rows(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Inputs (*rows.shape, *shape) and labels (*rows.shape) of rows."""
        return self._numbers(self._features[rows]), self._labels[rows]

    def _numbers(self, features: Tensor) -> Tensor:
        # A copy in any case: where a batch begins in memory must not show in the last bits.
        numbers = features.to(self._dtype, copy=True)
        if self._moments:
            mean, deviation = self._moments
            numbers.sub_(mean).div_(deviation)
        return numbers


def _tensor(array: NDArray[Any], device: str) -> Tensor:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The given NumPy array is not writable")  # nobody writes
        return torch.from_numpy(np.ascontiguousarray(array)).to(device)
