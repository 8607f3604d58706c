"""The paths of agents that are away at times."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.samplers.base import Indices, SamplePath, SamplePaths

Flags = NDArray[np.bool_]
Integers = NDArray[np.int64]


class PausingPaths(SamplePaths):
    """Paths that go on at the steps that their agents take, and stand still at the others.

    An agent's k-th step is on the k-th point of its path, however long it was away in between: an
    epoch has all points, and a walk does not walk on.

    Parameters
    ----------
    paths
        One an agent.
    agents
        Their numbers, shape (agents,).
    active
        Takes n, m and numbers of agents, and says which of these take the steps n + 1, …, m.
    """

    def __init__(
        self,
        paths: Sequence[SamplePath],
        agents: Integers,
        active: Callable[[int, int, Integers], Flags | None],
    ) -> None:
        self._paths = paths
        self._agents = agents
        self._active = active
        self._taken = np.zeros((len(paths), 1), dtype=np.int64)

    def draw(self, out: Indices) -> None:
        active = self._active(self.n, self.n + len(out), self._agents)
        if active is None:
            message = "paths pause where some agents do not take a step"
            raise TypeError(message)
        out[:] = 0  # of steps that are not taken
        for k, path in enumerate(self._paths):
            taken = active[:, k]
            points = np.empty((np.count_nonzero(taken), out.shape[2]), dtype=out.dtype)
            if len(points):
                path.draw(points)
                out[taken, k] = points
        self._taken[:, 0] += active.sum(axis=0)
        self.n += len(out)

    def memory(self, k: int) -> dict[str, NDArray[Any]]:
        return {"steps_taken": self._taken[k], **self._paths[k].memory}

    def recall(self, n: int, memories: Sequence[Mapping[str, NDArray[Any]]]) -> None:
        super().recall(n, memories)
        for path, memory in zip(self._paths, memories, strict=True):
            path.recall(int(memory["steps_taken"][0]), memory)
