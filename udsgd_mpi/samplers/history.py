"""The weighted visit history x of the self-repellent samplers."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.graphs import Graph
from udsgd_mpi.kernels.random_numbers import Purpose
from udsgd_mpi.samplers.base import Indices, Streams
from udsgd_mpi.samplers.ragged import Ragged
from udsgd_mpi.samplers.walks import Walks


class History:
    """x_{n+1} = x_n + β_{n+1} (δ_{X_{n+1}} − x_n), x_0 = 1/B, β_n = (n + 1)^(−b) (paper, eq. 90).

    Ratios of x are all that the samplers read, so the shrinking of x by 1 − β is carried in one
    scalar, x_n = scale · visits, and a step changes one entry of ``visits`` whatever B is.

    Attributes
    ----------
    visits
        Of each agent, shape (trials, points).
    """

    _SMALLEST_SCALE = 2.0**-300

    def __init__(self, trials: int, points: NDArray[np.int64], b: float) -> None:
        self.visits = Ragged(trials, points, np.float64)
        self.visits.flat[:] = np.repeat(1 / points, trials * points)
        self._b = b
        self._scale = np.ones(())

    def memory(self, k: int) -> dict[str, NDArray[np.float64]]:
        """What there is to remember of the k-th agent: views, no copies."""
        return {"visits": self.visits[k], "scale": self._scale}

    def gains(self, n: int, steps: int) -> NDArray[np.float64]:
        """What visits[X] grows by at steps n + 1, n + 2, …, n + ``steps`` at most.

        There are fewer of them where ``rescale`` is due after the last.
        """
        beta = (np.arange(n + 1, n + steps + 1, dtype=np.float64) + 1) ** -self._b
        scale = np.cumprod(np.append(self._scale, 1 - beta))[1:]
        count = min(int(np.sum(scale >= self._SMALLEST_SCALE)) + 1, steps)
        self._scale[...] = scale[count - 1]
        return np.asarray(beta[:count] / scale[:count])

    def rescale(self) -> bool:
        """Bring scale back to 1 where it is due, and say whether it was.

        It is due at the same n however a path is split into blocks, as scale depends on n alone.
        """
        if self._scale >= self._SMALLEST_SCALE:
            return False
        self.visits.flat *= self._scale
        self._scale[...] = 1.0
        return True


class HistoryWalks(Walks):
    """Walks that their own history repels.

    Attributes
    ----------
    more
        What their kernel takes beside the rest.
    """

    more: tuple[NDArray[Any], ...] = ()

    def __init__(
        self,
        law: Any,
        points: Sequence[int],
        graphs: Sequence[Graph | None],
        streams: Streams,
    ) -> None:
        super().__init__(law, points, graphs, streams)
        self.alpha = law.alpha
        self.history = History(streams.trials, self.points, law.b)

    def memory(self, k: int) -> dict[str, NDArray[Any]]:
        return super().memory(k) | self.history.memory(k)

    def draw(self, out: Indices) -> None:
        key, visits = self.streams.key, self.history.visits.flat
        while len(out):
            gains = self.history.gains(self.n, len(out))
            now = out[: len(gains)]
            self.walk(
                key, Purpose.SAMPLING, self.n, self.stack, self.alpha, gains, self.points,
                self.next, visits, *self.more, now
            )  # fmt: skip
            if self.history.rescale():
                self.rescaled()
            self.n += len(gains)
            out = out[len(gains) :]

    def rescaled(self) -> None:
        """Learn that all visits have been multiplied by one number."""
