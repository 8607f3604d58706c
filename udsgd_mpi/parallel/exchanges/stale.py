"""Mixing half-steps of which some are from earlier aggregations."""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray

from udsgd_mpi.communication import StaleWeights, Traffic
from udsgd_mpi.engine.history import StaleRows
from udsgd_mpi.parallel.exchanges.base import Ranks
from udsgd_mpi.parallel.exchanges.sparse import NeighbourExchange
from udsgd_mpi.parallel.waiting import waiting

Floats = NDArray[np.float64]


class StaleExchange(NeighbourExchange):
    """θ^i ← Σ_j w_ij h^j_{l−τ} for a recurring W.

    Every half-step comes once, as for a W without delays, and is copied to the rank's own history
    when all are there; what is mixed is read from that.
    """

    def __init__(self, form: StaleWeights, ranks: Ranks) -> None:
        super().__init__(form, ranks)
        array = ranks.array
        if array.history is None:
            message = "expected rows with a history"
            raise TypeError(message)
        self._history = array.history
        layout, rank = array.layout, array.rank
        hosted, away = layout.hosted(rank), form.copies(layout, rank)
        self._sources = layout.host(away)
        self._wanted = {
            to: agents - hosted.start for to, agents in form.wanted(layout, rank).items()
        }
        self._hosted, self._away = slice(len(hosted)), slice(len(hosted), len(hosted) + len(away))
        self._arrived = self._plan.place[away]
        place = np.full(layout.agents, -1)
        place[[*hosted, *away]] = np.arange(len(hosted) + len(away))
        self._stale_interior, self._stale_border = (
            StaleRows(form, hosted.start + part.rows, part.rows, place, self._history)
            for part in (self.interior, self.border)
        )
        self._number = 0

    def __call__(self, number: int) -> Traffic:
        self._number = number
        self._history.keep(number, self._hosted, self._array.rows)
        self.interior, self.border = self._stale_interior.at(number), self._stale_border.at(number)
        return super().__call__(number)

    @property
    def mixable(self) -> Floats:
        return self._history.rows

    def unpack(self) -> None:
        super().unpack()
        self._history.keep(self._number, self._away, self._array.in_memory[self._arrived])

    def resume(self) -> None:
        comm, past = self._comm, self._history.past
        told = [(to, np.ascontiguousarray(past[:, rows])) for to, rows in self._wanted.items()]
        heard = [(source, rows, past[:, rows].copy()) for source, rows in self._copies()]
        requests = [comm.Irecv(values, source) for source, _, values in heard]
        requests += [comm.Isend(values, to) for to, values in told]
        with waiting("ranks of agents that exchange with those here", self._meter):
            MPI.Request.Waitall(requests)
        for _, rows, values in heard:
            past[:, rows] = values

    @property
    def in_memory(self) -> None:
        """No kernel keeps a history."""
        return

    def _copies(self) -> Iterator[tuple[int, slice]]:
        """Of each rank whose half-steps are read: where they are in the history."""
        sources, starts = np.unique(self._sources, return_index=True)
        edges = self._away.start + np.append(starts, len(self._sources))
        for source, (start, end) in zip(sources.tolist(), pairwise(edges.tolist()), strict=True):
            yield source, slice(start, end)
