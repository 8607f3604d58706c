"""A reader as a user writes it: each agent's points, where the agent is hosted."""

import numpy as np

ASKED: list[int] = []  # agents that this process has read


class OfAgents:
    """Ten points, and one more for each agent before this one."""

    def __init__(self, missing: int | None = None) -> None:
        self.missing = missing

    def read_agent(self, agent: int) -> tuple[np.ndarray, np.ndarray]:
        """Features and labels."""
        ASKED.append(agent)
        if agent == self.missing:
            raise FileNotFoundError(f"no points of agent {agent}")
        rng = np.random.default_rng(agent)
        return rng.normal(size=(10 + agent, 3)), rng.integers(0, 2, 10 + agent)
