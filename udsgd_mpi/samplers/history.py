"""Walks that their own weighted visit history repels."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.graphs.ground import Ground
from udsgd_mpi.kernels.random_numbers import Purpose
from udsgd_mpi.samplers.base import Indices, Streams
from udsgd_mpi.samplers.ragged import Ragged
from udsgd_mpi.samplers.walks import Walks


class HistoryWalks(Walks):
    """x_{n+1} = x_n + β_{n+1} (δ_{X_{n+1}} − x_n), x_0 = 1/B, β_n = (n + 1)^(−b) (paper, eq. 90).

    Ratios of x are all that the samplers read, so the shrinking of x by 1 − β is carried in one
    scalar, x_n = scale · visits, and a step changes one entry of ``visits`` whatever B is.

    Attributes
    ----------
    visits
        Of each agent, shape (trials, points).
    more
        What the kernel takes beside the rest.
    """

    _SMALLEST_SCALE = 2.0**-300

    more: tuple[NDArray[Any], ...] = ()

    def __init__(
        self,
        law: Any,
        points: Sequence[int],
        graphs: Sequence[Ground | None],
        streams: Streams,
    ) -> None:
        super().__init__(law, points, graphs, streams)
        self._law = law
        self.visits = Ragged(streams.trials, self.points, np.float64)
        self.visits.flat[:] = np.repeat(1 / self.points, streams.trials * self.points)
        self._scale = np.ones(())

    def memory(self, k: int) -> dict[str, NDArray[Any]]:
        return {**super().memory(k), "visits": self.visits[k], "scale": self._scale}

    def draw(self, out: Indices) -> None:
        key, alpha, visits = self.streams.key, self._law.alpha, self.visits.flat
        while len(out):
            gains = self._gains(len(out))
            self.walk(
                key, Purpose.SAMPLING, self.n, self.stack, alpha, gains, self.points, self.next,
                visits, *self.more, out[: len(gains)]
            )  # fmt: skip
            # At the same n however a path is split into blocks, as scale depends on n alone.
            if self._scale < self._SMALLEST_SCALE:
                visits *= self._scale
                self._scale[...] = 1.0
                self.rescaled()
            self.n += len(gains)
            out = out[len(gains) :]

    def rescaled(self) -> None:
        """Learn that all visits have been multiplied by one number."""

    def _gains(self, steps: int) -> NDArray[np.float64]:
        """What visits[X] grows by at the next steps; fewer where scale gets too small after one."""
        n = self.n
        beta = (np.arange(n + 1, n + steps + 1, dtype=np.float64) + 1) ** -self._law.b
        scale = np.cumprod(np.append(self._scale, 1 - beta))[1:]
        count = min(int(np.sum(scale >= self._SMALLEST_SCALE)) + 1, steps)
        self._scale[...] = scale[count - 1]
        return np.asarray(beta[:count] / scale[:count])
