"""Unified distributed SGD, the update of every agent i at every step n (paper, eqs. 1a and 1b).

    θ^i_{n+½} = θ^i_n − γ_{n+1} w(X^i_n) ∇F_i(θ^i_n, X^i_n)
    θ^i_{n+1} = Σ_j w_n(i, j) θ^j_{n+½}

Adapt, then combine: an agent's own half-step enters with weight w_n(i, i).
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.objectives import Objective, Points
from udsgd_mpi.samplers import Paths
from udsgd_mpi.support.stopwatch import Activity, Stopwatch

Floats = NDArray[np.float64]
Indices = NDArray[np.int32]

_BLOCK_ELEMENTS = 2**20
_LONGEST_BLOCK = 1024


def unified_distributed_sgd(
    theta: Floats,
    X: "Draws",
    gamma: Callable[[int, int], Floats],
    update: "Update",
    stops: Iterable[int],
    observe: Callable[[int, Floats], None],
) -> Floats:
    """Run all trials of some agents from the step where ``X`` begins to the last of ``stops``.

    Parameters
    ----------
    theta
        Iterates to begin with, shape (agents, trials, d); overwritten.
    gamma
        Takes n and m and gives γ_n, …, γ_m.
    stops
        The steps to be observed, ascending; the next one is asked for when the last has been.
    observe
        Is called with n and θ_n at every stop.

    Returns
    -------
    θ at the last stop, shape (agents, trials, d).
    """
    start = X.n
    for stop in stops:
        for n, m in X.blocks(start, stop):
            theta = update(n, theta, X[n:m], gamma(n + 1, m))
        observe(stop, theta)
        start = stop
    return theta


def each_step(n: int, m: int) -> NDArray[np.int64]:
    """All numbers of (n, m]."""
    return np.arange(n + 1, m + 1)


class Update(Protocol):
    """Takes θ_n, X_n, …, X_{m−1} and γ_{n+1}, …, γ_m, and gives θ_m."""

    def __call__(self, n: int, theta: Floats, X: Indices, gamma: Floats) -> Floats: ...


class StepByStep:
    """The two lines of the equation, one after the other.

    Parameters
    ----------
    batch
        Number of points in a mini-batch of each agent, shape (agents,).
    W
        Takes n and the half-steps, and gives what aggregation makes of them; shape as theta.
    times
        Takes n and m and gives the numbers of (n, m] at which W is not I, ascending.
    """

    def __init__(
        self,
        objective: Objective,
        points: Points,
        batch: NDArray[np.int64],
        W: Callable[[int, Floats], Floats],
        times: Callable[[int, int], NDArray[np.int64]],
    ) -> None:
        self._objective = objective
        self._points = points
        self._batch = batch
        self._W = W
        self._times = times

    def __call__(self, n: int, theta: Floats, X: Indices, gamma: Floats) -> Floats:
        done = 0
        for time in self._times(n, n + len(X)).tolist():
            self._descend(theta, X[done : time - n], gamma[done : time - n])
            theta = self._W(time, theta)
            done = time - n
        if done < len(X):
            self._descend(theta, X[done:], gamma[done:])
        return theta

    def _descend(self, theta: Floats, X: Indices, gamma: Floats) -> None:
        self._objective.descend(theta, X, gamma, self._points, self._batch)


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
        What has been drawn from there on already, shape (steps, agents, trials).
    stopwatch
        Learns what time drawing takes.
    length
        Steps of a block. Ranks that exchange draw at the same steps, or they wait for each other
        twice; by default as suits these agents.
    """

    def __init__(
        self,
        paths: Paths,
        first_rows: Sequence[int],
        batch: NDArray[np.int64],
        trials: int,
        n: int = 0,
        ahead: Indices | None = None,
        stopwatch: Stopwatch | None = None,
        length: int | None = None,
    ) -> None:
        agents = len(batch)
        self.n = n
        self._paths = paths
        self._ahead = np.empty((0, agents, trials), dtype=np.int32) if ahead is None else ahead
        self._first_rows = np.array(first_rows, dtype=np.int32)[:, None]
        self._batch = batch.astype(np.int32)[:, None]
        self._stopwatch = stopwatch or Stopwatch()
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
        self._stopwatch.lap(Activity.GRADIENT)
        known, self._ahead = np.split(self._ahead, [len(self._block)])
        self._block[: len(known)] = known
        if len(known) < len(self._block):
            self._paths.draw(self._block[len(known) :])
        self._block *= self._batch
        self._block += self._first_rows
        self._start = start
        self._stopwatch.lap(Activity.SAMPLING)
