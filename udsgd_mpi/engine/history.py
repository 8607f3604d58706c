"""Half-steps of earlier aggregations, and W that mixes them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.communication import StaleWeights
from udsgd_mpi.communication.forms.stale import find_reads
from udsgd_mpi.engine.exchange_plan import Rows, entries_of
from udsgd_mpi.engine.host_memory import DOUBLE
from udsgd_mpi.kernels.aligned import aligned_zeros

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
Numbers = NDArray[np.floating[Any]]


class History:
    """Half-steps of some agents at the last S + 1 aggregations.

    They are copies, for this rank alone: agents may write over what they had.

    Parameters
    ----------
    staleness
        S.
    agents
        How many.

    Attributes
    ----------
    past
        Shape (S + 1, agents, elements), those of the l-th aggregation at l mod (S + 1).
    """

    def __init__(
        self, staleness: int, agents: int, elements: int, dtype: np.dtype[Any] = DOUBLE
    ) -> None:
        self.past: Floats = aligned_zeros((staleness + 1, agents, elements), dtype)

    @property
    def rows(self) -> Floats:
        """The same, shape ((S + 1) · agents, elements); a view."""
        return self.past.reshape(-1, self.past.shape[2])

    def begin(self, start: Numbers) -> None:
        """Let all have had θ_0, shape (elements,), before the first aggregation."""
        self.past[:] = start

    def keep(self, number: int, agents: slice, half_steps: Floats) -> None:
        """Keep half-steps of some agents at an aggregation, in place of those S + 1 before it."""
        self.past[number % len(self.past), agents] = half_steps


class StaleRows:
    """Some rows of W, over a history.

    Parameters
    ----------
    agents
        Whose rows, shape (rows,).
    rows
        Where in the buffers that receive them they are, shape (rows,).
    place
        Where in the history each agent is.
    history
        Which is read.
    """

    def __init__(
        self, form: StaleWeights, agents: Indices, rows: Indices, place: Indices, history: History
    ) -> None:
        offsets, arcs = entries_of(form, agents)
        senders, (_, length, _) = form.columns[arcs], history.past.shape
        receivers = np.repeat(agents, np.diff(offsets))
        self._reads = form.most, form.seed, receivers, senders, place[senders], length
        self._seen = np.full(len(history.rows), -1)
        columns, needed = np.empty(len(arcs), dtype=np.int32), np.empty(len(arcs), dtype=np.int64)
        self._rows = Rows(offsets, columns, form.values[arcs], needed, rows)

    def at(self, number: int) -> Rows:
        """Those of an aggregation; overwritten at the next."""
        found = self._rows
        most, seed, receivers, senders, places, length = self._reads
        count = find_reads(
            number, most, seed, receivers, senders, places, length,
            self._seen, found.columns, found.needed
        )  # fmt: skip
        return found._replace(needed=found.needed[:count])


class StaleMixing:
    """W of all agents in one process, with what it needs to remember.

    Parameters
    ----------
    start
        θ_0 of all, shape (elements,).
    """

    def __init__(self, form: StaleWeights, start: Numbers) -> None:
        everyone = np.arange(len(form))
        self._history = History(form.most, len(form), len(start))
        self._history.begin(start)
        self._rows = StaleRows(form, everyone, everyone, everyone, self._history)

    def __call__(self, number: int, half_steps: Floats, mixed: Floats) -> None:
        """Put what W makes of half-steps, and of those before, into ``mixed``.

        Parameters
        ----------
        number
            Of the aggregation.
        half_steps, mixed
            Of all agents, shape (agents, elements).
        """
        self._history.keep(number, slice(None), half_steps)
        self._rows.at(number).combine(self._history.rows, mixed)
