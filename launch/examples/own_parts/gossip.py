"""A communication pattern: two neighbours at a time take their average."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


class PairGossip:
    """At each aggregation an edge of the topology, at random, has its two agents average."""

    def __init__(self, agents: int, topology: Any) -> None:
        self.agents = agents
        self.edges = np.argwhere(np.triu(topology.toarray()))

    def matrix(self, n: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """W_n, which completes step n."""
        del n  # any edge at any time
        pair = self.edges[rng.integers(len(self.edges))]
        W = np.eye(self.agents)
        W[np.ix_(pair, pair)] = 0.5
        return W
