"""Partitions as a user writes them: the row numbers of each agent."""

from typing import Any

import numpy as np


class Shuffled:
    """Shares of one size."""

    def rows(
        self, features: Any, labels: np.ndarray, agents: int, rng: np.random.Generator
    ) -> list[np.ndarray]:
        """Of each agent."""
        size = len(labels) // agents
        return [*rng.permutation(len(labels))[: agents * size].reshape(agents, size)]


class Given:
    """The rows that are given."""

    def __init__(self, rows: Any) -> None:
        self.given = rows

    def rows(self, features: Any, labels: Any, agents: int, rng: Any) -> Any:
        """Of each agent."""
        return self.given
