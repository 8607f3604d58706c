"""Local steps that some agents do not take."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.communication import Schedule
from udsgd_mpi.engine.iterates import Iterates

Floats = NDArray[np.float64]
Indices = NDArray[np.int32]
Descent: TypeAlias = Callable[[int, Indices, Floats], None]


def pausing(
    descend: Descent, iterates: Iterates, schedule: Schedule, hosted: Sequence[int]
) -> Descent:
    """Local steps of the agents that take them; the others keep θ and all that is beside it.

    Parameters
    ----------
    descend
        Takes the steps of all hosted agents; itself where all take all.
    iterates
        Of these.
    schedule
        Says who takes which.
    hosted
        Numbers of the agents.
    """
    return _Pausing(descend, iterates, schedule, hosted) if schedule.pauses else descend


class _Pausing:
    """All agents step, and those that are away get back what they had.

    No method or objective has to know of it, and an agent's step costs little beside an exchange.
    """

    def __init__(
        self, descend: Descent, iterates: Iterates, schedule: Schedule, hosted: Sequence[int]
    ) -> None:
        self._descend = descend
        self._iterates = iterates
        self._schedule = schedule
        self._hosted = np.array(hosted)

    def __call__(self, n: int, X: Indices, gamma: Floats) -> None:
        active = self._schedule.active(n, n + len(gamma))
        if active is None or len(gamma) == 0:
            self._descend(n, X, gamma)
            return
        mine = active[:, self._hosted]
        changes = np.flatnonzero((mine[1:] != mine[:-1]).any(axis=1)) + 1
        edges = [0, *changes.tolist(), len(gamma)]
        for first, last in pairwise(edges):
            away = np.flatnonzero(~mine[first])
            if len(away) == mine.shape[1]:
                continue
            iterates = self._iterates
            kept = {name: iterates[name][away] for name in iterates.names if len(away)}
            self._descend(n + first, X[first:last], gamma[first:last])
            for name, values in kept.items():
                iterates[name][away] = values
