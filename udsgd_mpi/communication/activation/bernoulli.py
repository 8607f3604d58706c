"""Agents that are there at random."""

from typing import Annotated

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from udsgd_mpi.communication.activation.base import Activation, Flags, Integers, Presence
from udsgd_mpi.kernels.random_numbers import Purpose, random_units
from udsgd_mpi.support.errors import ConfigurationError

Floats = NDArray[np.float64]
Probability = Annotated[float, Meta(gt=0, le=1)]


class Bernoulli(Activation, frozen=True, tag="bernoulli"):
    """An agent is there at each step with a probability, independently of all else.

    Parameters
    ----------
    p
        The probability: one number, or a list with one for each agent.
    """

    p: Probability | Annotated[list[Probability], Meta(min_length=1)] = 0.5

    def start(self, agents: int, seed: int) -> "Independent":
        if isinstance(self.p, list) and len(self.p) != agents:
            raise ConfigurationError(
                f"activation.p: expected a probability for each of {agents} agents, got"
                f" {len(self.p)}; list {agents}, or give one number for all"
            )
        return Independent(np.broadcast_to(np.array(self.p, dtype=np.float64), agents), seed)


class Independent(Presence):
    """Independent from step to step and from agent to agent.

    Parameters
    ----------
    p
        Probability of each agent, shape (agents,).
    """

    def __init__(self, p: Floats, seed: int) -> None:
        super().__init__(len(p))
        self._p = p
        self._seed = seed

    def drawn(self, n: int, m: int, agents: Integers) -> Flags:
        there, u = np.empty((m - n, len(agents)), dtype=np.bool_), np.empty((m - n, 1))
        for k, agent in enumerate(agents.tolist()):
            random_units(self._seed, Purpose.ACTIVATION, agent, 0, n, u)
            there[:, k] = u[:, 0] < self._p[agent]
        return there

    def shares(self, last: int) -> Floats:
        return self._p

    def fluctuations(self) -> Floats:
        return np.asarray(self._p * (1 - self._p))
