"""Two samplers: a lazy walk, whose theory follows from its matrix, and jumps without theory."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, eye_array

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class LazyWalk:
    """Stays where it is with probability ``stay``, otherwise goes to a random neighbour."""

    on_graph = True
    memory = ("at",)

    def __init__(self, points: int, graph: Any, stay: float = 0.5) -> None:
        self.points, self.graph, self.stay = points, graph, stay
        self.degrees = np.diff(graph.indptr)

    def stationary_law(self) -> Floats:
        return np.asarray(self.degrees / self.degrees.sum())

    def transition_matrix(self) -> Any:
        walk = csr_array(self.graph / self.degrees[:, None])
        return self.stay * eye_array(self.points) + (1 - self.stay) * walk

    def start(self, uniforms: Floats) -> None:
        """Begin in equilibrium, in all trials."""
        ends = np.cumsum(self.stationary_law())
        self.at = np.searchsorted(ends[:-1], uniforms, side="right")

    def draw(self, steps: int, uniforms: Floats) -> Integers:
        """Next points, shape (steps, trials), from numbers of [0, 1) of this shape."""
        path = np.empty((steps, len(self.at)), dtype=np.int64)
        for n, u in enumerate(uniforms):
            degrees = self.degrees[self.at]
            which = np.maximum(0, (u - self.stay) / (1 - self.stay)) * degrees
            k = np.minimum(which.astype(np.int64), degrees - 1)
            neighbours = self.graph.indices[self.graph.indptr[self.at] + k]
            self.at = path[n] = np.where(u < self.stay, self.at, neighbours)
        return path


class LevyJumps:
    """On a circle of the points: jumps to either side, of lengths with a Pareto tail."""

    memory = ("at",)
    uniforms_per_step = 2

    def __init__(self, points: int, graph: Any, alpha: float = 1.2) -> None:
        del graph  # it jumps on the points themselves
        self.points, self.alpha = points, alpha

    def start(self, uniforms: Floats) -> None:
        """Begin anywhere, in all trials."""
        self.at = (uniforms[0] * self.points).astype(np.int64)

    def stationary_law(self) -> Floats:
        return np.full(self.points, 1 / self.points)

    def draw(self, steps: int, uniforms: Floats) -> Integers:
        """Next points, shape (steps, trials), from numbers of shape (steps, 2, trials)."""
        lengths = np.minimum((1 - uniforms[:, 0]) ** (-1 / self.alpha), 1e9).astype(np.int64)
        jumps = np.where(uniforms[:, 1] < 0.5, -lengths, lengths)
        path = (self.at + np.cumsum(jumps, axis=0)) % self.points
        self.at = path[steps - 1]
        return path
