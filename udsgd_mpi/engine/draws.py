"""The points of the coming steps, drawn a block of steps ahead."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.samplers import SamplePaths
from udsgd_mpi.support.meter import Activity, Meter

Indices = NDArray[np.int32]

_BLOCK_ELEMENTS = 2**20
_LONGEST_BLOCK = 1024


def block_length(agents: int, trials: int) -> int:
    """Number of steps that are drawn at once.

    One draw of random bits is for two steps.
    """
    return min(_LONGEST_BLOCK, max(2, _BLOCK_ELEMENTS // (agents * trials)))


class Draws:
    """X_n for all agents of a rank: as no sampler looks at θ, drawn a block of steps ahead.

    Parameters
    ----------
    paths
        Of the agents.
    first_rows
        Where each agent's points begin among the points of all, shape (agents,).
    batch
        Number of points in a mini-batch of each agent, shape (agents,).
    n
        Step to begin with.
    ahead
        What has already been drawn from there on, shape (steps, agents, trials).
    meter
        Records the time that drawing takes.
    length
        Steps of a block. Ranks that exchange draw at the same steps, or they wait for each other
        twice; by default the best for these agents.
    """

    def __init__(
        self,
        paths: SamplePaths,
        first_rows: Sequence[int],
        batch: NDArray[np.int64],
        trials: int,
        n: int = 0,
        ahead: Indices | None = None,
        meter: Meter | None = None,
        length: int | None = None,
    ) -> None:
        agents = len(batch)
        self.n = n
        self._paths = paths
        self._ahead = np.empty((0, agents, trials), dtype=np.int32) if ahead is None else ahead
        self._first_rows = np.array(first_rows, dtype=np.int32)[:, None]
        self._batch = batch.astype(np.int32)[:, None]
        self._meter = meter or Meter()
        steps = length or block_length(agents, trials)
        self._block = np.empty((steps, agents, trials), dtype=np.int32)
        self._start = n - steps

    def blocks(self, start: int, stop: int) -> Iterable[tuple[int, int]]:
        """Split the steps from ``start`` to ``stop`` where a new block begins, and draw it."""
        while start < stop:
            if start == self._start + len(self._block):
                self._draw(start)
            end = min(stop, self._start + len(self._block))
            yield start, end
            start = end

    def __getitem__(self, steps: slice) -> Indices:
        """First rows of the mini-batches of steps n, …, m − 1, shape (m − n, agents, trials)."""
        return self._block[steps.start - self._start : steps.stop - self._start]

    def ahead(self, n: int) -> Indices:
        """What has been drawn from step n on, shape (steps, agents, trials)."""
        unused = self._block[n - self._start :]
        return np.concatenate([(unused - self._first_rows) // self._batch, self._ahead])

    def _draw(self, start: int) -> None:
        self._meter.lap(Activity.GRADIENT)
        known, self._ahead = np.split(self._ahead, [len(self._block)])
        self._block[: len(known)] = known
        if len(known) < len(self._block):
            self._paths.draw(self._block[len(known) :])
        self._block *= self._batch
        self._block += self._first_rows
        self._start = start
        self._meter.lap(Activity.SAMPLING)
