"""Agents that come and go."""

from typing import Annotated

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from udsgd_mpi.communication.activation.base import Activation, Flags, Integers, Presence
from udsgd_mpi.communication.forms.links import Drawing
from udsgd_mpi.communication.two_states import law, links_of_chains
from udsgd_mpi.kernels.compiled import Kernel
from udsgd_mpi.kernels.random_numbers import Purpose, generator

Floats = NDArray[np.float64]
Steps = Annotated[float, Meta(ge=1, le=2**31 - 1)]

_draw: Kernel[..., None] = links_of_chains


class Markov(Activation, frozen=True, tag="markov"):
    """Each agent is there for a geometric number of steps, and away for another.

    Agents are independent, and begin in their stationary law. Where agents drop out of exchanges
    alone, and go on with their own steps, that is the pattern ``drop_out``.

    Parameters
    ----------
    there, away
        Mean number of steps of a stay, and of an absence.
    """

    there: Steps = 20.0
    away: Steps = 5.0

    def start(self, agents: int, seed: int) -> "ComingAndGoing":
        return ComingAndGoing(agents, self.there, self.away, seed)


class ComingAndGoing(Presence):
    """Two-state chains, one an agent."""

    def __init__(self, agents: int, there: float, away: float, seed: int) -> None:
        super().__init__(agents)
        self._share = there / (there + away)
        self._second = 1 - 1 / there - 1 / away
        # Not the chains of links and agents of a pattern, which have the seed itself.
        self._seed = np.uint64(generator(seed, Purpose.ACTIVATION).integers(2**63))
        self._law = law(1 / there, 1 / away)
        self._drawings: dict[bytes, Drawing] = {}

    def drawn(self, n: int, m: int, agents: Integers) -> Flags:
        drawing = self._drawings.setdefault(agents.tobytes(), self._of(agents))
        there = np.empty((m - n, len(agents)), dtype=np.bool_)
        for k in range(m - n):
            _draw(n + k + 1, tuple(drawing))
            there[k] = drawing.there
        return there

    def _of(self, agents: Integers) -> Drawing:
        """What draws some agents' chains, from the step on that they were drawn for last."""
        ends, at = np.arange(len(agents)), np.zeros(1, dtype=np.int64)
        good, there = np.zeros((2, len(agents)), dtype=np.uint8)
        return Drawing(self._seed, agents, ends, ends, self._law, at, good, there)

    def shares(self, last: int) -> Floats:
        return np.full(self.agents, self._share)

    def fluctuations(self) -> Floats:
        """Σ p (1 − p) λ^|k| over all k, with λ the second eigenvalue of the chain."""
        p, second = self._share, self._second
        return np.full(self.agents, p * (1 - p) * (1 + second) / (1 - second))
