"""Local slopes by a user's ``gradient``, in as few calls as leave the bits alone."""

from collections.abc import Callable, Iterator
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.data.features import dense_rows
from udsgd_mpi.objectives.base import Floats, Points
from udsgd_mpi.support.errors import LocalError

_MOST_NUMBERS = 2**22  # of θ in a call


class OwnSlopes:
    """γ w(X) ∇F(θ, X) of a step, for one step after the other.

    A call takes the points of an agent's mini-batch in all trials, as many rows as trials × batch.
    Where the bits of a row know nothing of the other rows, it takes those of all agents that
    follow each other with mini-batches of one size. Points of a mini-batch are summed in order.

    Parameters
    ----------
    gradient
        The user's method.
    name
        What it is of, for messages.
    rowwise
        Whether the bits of a row are the same in any company.
    batch
        Number of points in a mini-batch of each agent, shape (agents,).
    """

    def __init__(
        self,
        gradient: Callable[[Floats, Floats, Floats], Any],
        name: str,
        points: Points,
        batch: NDArray[np.int64],
        *,
        rowwise: bool,
    ) -> None:
        self._gradient = gradient
        self._name = name
        self._points = points
        self._parts = [*_parts(batch.tolist(), rowwise=rowwise)]

    def __call__(
        self, theta: NDArray[Any], X: NDArray[np.int32], gamma: float, out: NDArray[Any]
    ) -> None:
        """Put them into ``out``, of the shape of ``theta``, (agents, trials, d)."""
        weights, d = self._points.weights, theta.shape[-1]
        for first, stop, size in self._parts:
            here = np.asarray(theta[first:stop].reshape(-1, d), dtype=np.float64)
            rows = X[first:stop].ravel()
            slopes = self._of_one_point(here, rows) if size == 1 else self._sum(here, rows, size)
            scale = gamma / size * weights[rows]
            out[first:stop] = (scale[:, None] * slopes).reshape(out[first:stop].shape)

    def _sum(self, theta: Floats, rows: NDArray[np.int32], size: int) -> Floats:
        """Over the points of mini-batches, of which ``rows`` are the first."""
        total = None
        for some in np.array_split(np.arange(size), -(-size * theta.size // _MOST_NUMBERS)):
            at = (rows + some[:, None]).ravel()
            repeated = np.broadcast_to(theta, (len(some), *theta.shape)).reshape(-1, theta.shape[1])
            slopes = self._of_one_point(repeated, at).reshape(len(some), *theta.shape)
            if total is not None:  # in front, so that the order of the sum is that of the points
                slopes = np.concatenate([total[None], slopes])
            total = np.add.reduce(slopes, axis=0)
        return np.asarray(total)

    def _of_one_point(self, theta: Floats, rows: NDArray[Any]) -> Floats:
        features, labels = dense_rows(self._points.features, rows), self._points.labels[rows]
        slopes = np.asarray(self._gradient(theta, features, labels), dtype=np.float64)
        if slopes.shape != theta.shape:
            raise LocalError(
                f"{self._name}: expected an array of shape {theta.shape} of gradient, as theta has,"
                f" got {slopes.shape}"
            )
        return slopes


def _parts(batch: list[int], *, rowwise: bool) -> Iterator[tuple[int, int, int]]:
    """First and last agents of each call, and how many points their mini-batches have."""
    if not rowwise:
        yield from ((i, i + 1, size) for i, size in enumerate(batch))
        return
    first = 0
    for size, agents in groupby(batch):
        stop = first + len([*agents])
        yield first, stop, size
        first = stop
