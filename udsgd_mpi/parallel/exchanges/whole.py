"""Mixing with W that every rank knows as a whole."""

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.communication import OwnMatrices, PresentWeights, Traffic, Weights
from udsgd_mpi.engine.exchange_plan import Plan
from udsgd_mpi.parallel.exchanges.base import Ranks
from udsgd_mpi.parallel.exchanges.partial import PartialExchange

Integers = NDArray[np.int64]


class WholeExchange(PartialExchange):
    """The same for W of which nothing but their support is known before.

    Every rank has all of W, and so knows what others need and send.
    """

    def __init__(self, form: OwnMatrices | PresentWeights, ranks: Ranks) -> None:
        self._form = form
        super().__init__(Plan(form.support, ranks.reach), ranks)
        hosted = ranks.array.layout.hosted(ranks.array.rank)
        self._sent = {to: hosted.start + rows for to, rows in self._plan.sends}
        self._now: Weights | None = None
        self._wanted: dict[int, Integers] = {}
        self._needed: dict[int, Integers] = {}

    def __call__(self, number: int) -> Traffic:
        W = self._form.at(number)
        if W is not self._now:  # it may last for a while
            self._plan_for(W)
            self._now = W
        return self.mix(self._wanted, self._needed)

    def _plan_for(self, W: Weights) -> None:
        plan, layout, rank = self._plan, self._array.layout, self._array.rank
        self.interior, self.border = plan.rows_of(W)
        self._wanted = {
            to: np.searchsorted(self._sent[to], agents) if to in self._sent else agents
            for to, agents in W.wanted(layout, rank).items()
        }
        away = W.copies(layout, rank) if plan.receives else plan.copies[:0]
        hosts = layout.host(away)
        self._needed = {
            source: np.searchsorted(plan.copies_in(rows), away[hosts == source])
            for source, rows in plan.receives
            if source in hosts
        }

    @property
    def in_memory(self) -> None:
        """Its W are no kernel's."""
        return
