"""Unified distributed SGD, the update of every agent i at every step n (paper, eqs. 1a and 1b).

    θ^i_{n+½} = θ^i_n − γ_{n+1} w(X^i_n) ∇F_i(θ^i_n, X^i_n)
    θ^i_{n+1} = Σ_j w_n(i, j) θ^j_{n+½}

Adapt, then combine: an agent's own half-step enters with weight w_n(i, i). The θ of a rank's agents
are in its ``Iterates``, and an update acts on those that it was built with.
"""

from collections.abc import Callable, Iterable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.engine.draws import Draws

Floats = NDArray[np.float64]
Indices = NDArray[np.int32]


class Update(Protocol):
    """Takes θ_n to θ_m, given n, X_n, …, X_{m−1} and γ_{n+1}, …, γ_m."""

    def __call__(self, n: int, X: Indices, gamma: Floats) -> None: ...


def unified_distributed_sgd(
    X: Draws,
    gamma: Callable[[int, int], Floats],
    update: Update,
    stops: Iterable[int],
    observe: Callable[[int], None],
) -> None:
    """Run all trials of some agents from the step where ``X`` begins to the last of ``stops``.

    Parameters
    ----------
    gamma
        Takes n and m and gives γ_n, …, γ_m.
    stops
        The steps to observe, ascending; the next one is requested after the last was observed.
    observe
        Is called with n when θ_n is known, at every stop.
    """
    start = X.n
    for stop in stops:
        for n, m in X.blocks(start, stop):
            update(n, X[n:m], gamma(n + 1, m))
        observe(stop)
        start = stop


class StepByStep:
    """The two lines of the equation, one after the other.

    Parameters
    ----------
    descend
        Takes the local steps, given n, X_n, … and γ_{n+1}, ….
    W
        Takes n and applies the aggregation to the iterates.
    times
        Takes n and m and gives the numbers of (n, m] at which W is not I, ascending.
    """

    def __init__(
        self,
        descend: Callable[[int, Indices, Floats], None],
        W: Callable[[int], None],
        times: Callable[[int, int], NDArray[np.int64]],
    ) -> None:
        self._descend = descend
        self._W = W
        self._times = times

    def __call__(self, n: int, X: Indices, gamma: Floats) -> None:
        done = 0
        for time in self._times(n, n + len(X)).tolist():
            self._descend(n + done, X[done : time - n], gamma[done : time - n])
            self._W(time)
            done = time - n
        if done < len(X):
            self._descend(n + done, X[done:], gamma[done:])


def each_step(n: int, m: int) -> NDArray[np.int64]:
    """All numbers of (n, m]."""
    return np.arange(n + 1, m + 1)
