"""What an activation is: at which steps each agent is there."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from threading import Lock

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

Flags = NDArray[np.bool_]
Integers = NDArray[np.int64]
Floats = NDArray[np.float64]

_LONGEST, _ENTRIES = 1024, 2**20


class Presence(ABC):
    """At which steps the agents of one run are there: a pure function of (seed, n).

    Every rank knows it of all agents, so that none needs a message. It is the same in all trials,
    as W_n is.

    Attributes
    ----------
    agents
        N.
    """

    def __init__(self, agents: int) -> None:
        self.agents = agents
        self._every: Integers = np.arange(agents)
        self._length = max(1, min(_LONGEST, _ENTRIES // agents))
        self._first, self._block = -1, np.empty((0, agents), dtype=np.bool_)
        self._drawing_alone = Lock()  # forecasts of several agents ask at once

    def between(self, n: int, m: int, agents: Integers | None = None) -> Flags:
        """Whether agents are there at steps n + 1, …, m, shape (m − n, agents).

        One alone takes no longer than its own steps do, however many others there are.

        Parameters
        ----------
        agents
            Numbers of those that are asked for; by default all.
        """
        if agents is not None and len(agents) == 1:
            with self._drawing_alone:
                return self.drawn(n, m, agents)
        rows = np.empty((m - n, self.agents), dtype=np.bool_)
        start = n
        while start < m:
            first = start - start % self._length
            stop = min(m, first + self._length)
            with self._drawing_alone:
                if first != self._first:
                    self._block = self.drawn(first, first + self._length, self._every)
                    self._first = first
                rows[start - n : stop - n] = self._block[start - first : stop - first]
            start = stop
        return rows if agents is None else rows[:, agents]

    @abstractmethod
    def drawn(self, n: int, m: int, agents: Integers) -> Flags:
        """The same, computed anew."""

    @abstractmethod
    def shares(self, last: int) -> Floats:
        """Of the steps at which each agent is there, shape (agents,).

        In the long run, or of the steps up to ``last`` where there is no long run.
        """

    @abstractmethod
    def fluctuations(self) -> Floats | None:
        """Σ_k Cov(a_n, a_{n+k}) over all lags k, a_n whether an agent is there; shape (agents,).

        It is lim Var(Σ_{m≤n} a_m) / n, and 0 where a_n repeats itself. Agents come and go
        independently, or as is known beforehand. None where there is no long run.
        """

    def meetings(self) -> Iterator[Flags]:
        """Who is there at some steps, shape (agents,) each.

        Any two agents that are ever there at one step are so at one of these.
        """
        yield np.ones(self.agents, dtype=np.bool_)


class Activation(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind"):
    """When agents are there; subclasses are listed in the registry.

    An agent that is away takes no step: its θ and all else that it remembers stay as they are, and
    its sampler stands still. W_n joins those that are there: what an agent that is away does not
    take part in goes back to the diagonal, and averages are over those that are there.

    Parameters
    ----------
    scaled
        Whether an agent's steps are divided by the share of steps at which it is there. Otherwise
        agents count by these shares, and θ comes to the minimiser of Σ_i share_i f_i.
    """

    scaled: bool = False

    def start(self, agents: int, seed: int) -> Presence:
        """At which steps N agents are there.

        Raises
        ------
        ConfigurationError
            If the parameters do not fit the number of agents.
        """
        raise NotImplementedError
