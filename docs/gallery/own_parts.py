"""A sampler and a communication pattern of one's own, which scripts beside it name."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class LazyWalk:
    """A walk on a graph that stays where it is with some probability."""

    on_graph = True
    memory = ("at",)  # what further points depend on

    def __init__(self, points: int, graph: Any, stay: float = 0.5) -> None:
        self.graph, self.stay = graph, stay
        self.degrees = np.diff(graph.indptr)

    def stationary_law(self) -> Floats:
        """Probability of each point in the long run."""
        return self.degrees / self.degrees.sum()

    def start(self, uniforms: Floats) -> None:
        """Begin in the stationary law, each trial from its number of [0, 1)."""
        self.at = np.searchsorted(np.cumsum(self.stationary_law())[:-1], uniforms, side="right")

    def draw(self, steps: int, uniforms: Floats) -> Ints:
        """The next points, shape (steps, trials)."""
        path = np.empty(uniforms.shape, dtype=np.int64)
        for n, u in enumerate(uniforms):
            moved = np.maximum(0, (u - self.stay) / (1 - self.stay)) * self.degrees[self.at]
            turn = np.minimum(moved.astype(int), self.degrees[self.at] - 1)
            neighbour = self.graph.indices[self.graph.indptr[self.at] + turn]
            self.at = path[n] = np.where(u < self.stay, self.at, neighbour)
        return path


class Gossip:
    """At every aggregation one agent, drawn at random, averages with its successor on a ring."""

    def __init__(self, agents: int, topology: Any) -> None:
        self.agents = agents

    def matrix(self, n: int, rng: np.random.Generator) -> Floats:
        """The mixing matrix W of aggregation n."""
        one = int(rng.integers(self.agents))
        pair = [one, (one + 1) % self.agents]
        W = np.eye(self.agents)
        W[np.ix_(pair, pair)] = 0.5
        return W
