"""Agents that are there for a part of every day."""

from collections.abc import Iterator
from typing import Annotated

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from udsgd_mpi.communication.activation.base import Activation, Flags, Integers, Presence
from udsgd_mpi.support.errors import ConfigurationError

Floats = NDArray[np.float64]
Phase = Annotated[float, Meta(ge=0, lt=1)]


class Diurnal(Activation, frozen=True, tag="diurnal"):
    """An agent is there for the same part of every period.

    Parameters
    ----------
    period
        Steps of a day.
    share
        Of the day for which each agent is there, rounded to whole steps.
    phases
        When each agent comes, as a part of the day, a list with one in [0, 1) for each agent; by
        default agent i comes at i/N.
    """

    period: Annotated[int, Meta(ge=1, le=2**31 - 1)] = 100
    share: Annotated[float, Meta(gt=0, le=1)] = 0.5
    phases: Annotated[list[Phase], Meta(min_length=1)] | None = None

    def __post_init__(self) -> None:
        if round(self.period * self.share) == 0:
            raise ValueError(
                "expected a share of at least one step of the period, got"
                f" {self.share:g} of {self.period}; use a larger share, or a longer period"
            )

    def start(self, agents: int, seed: int) -> "EveryDay":
        if self.phases is not None and len(self.phases) != agents:
            raise ConfigurationError(
                f"activation.phases: expected one for each of {agents} agents, got"
                f" {len(self.phases)}; list {agents}, or leave them out"
            )
        phases = np.arange(agents) / agents if self.phases is None else np.array(self.phases)
        comes = np.floor(phases * self.period).astype(np.int64)
        return EveryDay(comes, round(self.period * self.share), self.period)


class EveryDay(Presence):
    """Agent i is there for so many steps of a period after the first ``comes[i]``."""

    def __init__(self, comes: Integers, steps: int, period: int) -> None:
        super().__init__(len(comes))
        self._comes = comes
        self._steps = steps
        self._period = period

    def drawn(self, n: int, m: int, agents: Integers) -> Flags:
        done = np.arange(n, m)[:, None] - self._comes[agents]
        return np.asarray(done % self._period < self._steps)

    def shares(self, last: int) -> Floats:
        return np.full(self.agents, self._steps / self._period)

    def fluctuations(self) -> Floats:
        return np.zeros(self.agents)

    def meetings(self) -> Iterator[Flags]:
        """When one comes: of two that meet, one finds the other there."""
        for n in np.unique(self._comes).tolist():
            yield self.drawn(n, n + 1, self._every)[0]
