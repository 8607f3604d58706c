"""Patterns as a user writes them: a class that gives W for each step."""

from typing import Any

import numpy as np
from scipy.sparse import csr_array, triu


class Gossip:
    """Neighbours average in pairs, taken in random order while both are free."""

    def __init__(self, agents: int, topology: Any, keep: float = 0.5) -> None:
        self.agents = agents
        self.pairs = np.argwhere(triu(topology).toarray())
        self.keep = keep

    def matrix(self, n: int, rng: np.random.Generator) -> Any:
        """W_n, sparse."""
        W = np.eye(self.agents)
        for i, j in rng.permutation(self.pairs):
            if W[i, i] == W[j, j] == 1:
                W[i, i] = W[j, j] = self.keep
                W[i, j] = W[j, i] = 1 - self.keep
        return csr_array(W)


class Anyone(Gossip):
    """Any two agents may be a pair; and once in a while the agents go round."""

    support = "all"

    def matrix(self, n: int, rng: np.random.Generator) -> Any:
        """W_n, dense."""
        P = np.eye(self.agents)[rng.permutation(self.agents)]
        return (np.eye(self.agents) + P) / 2 if n % 3 else np.roll(np.eye(self.agents), 1, axis=0)
