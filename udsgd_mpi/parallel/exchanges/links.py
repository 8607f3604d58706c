"""Mixing on links that fail at random."""

from udsgd_mpi.communication import OnLinks, Traffic
from udsgd_mpi.engine.link_plan import LinkPlan
from udsgd_mpi.parallel.exchanges.base import Ranks
from udsgd_mpi.parallel.exchanges.partial import PartialExchange


class LinkExchange(PartialExchange):
    """The same for weights on the links that are up.

    Every rank draws the links of its agents, and so knows what those that it exchanges with send
    and await.
    """

    links: LinkPlan

    def __init__(self, form: OnLinks, ranks: Ranks) -> None:
        self.links = LinkPlan(form, ranks.reach)
        super().__init__(self.links.whole, ranks)
        self.interior, self.border = self.links.interior, self.links.border

    def __call__(self, number: int) -> Traffic:
        links = self.links
        links.draw(number)
        there = links.drawing.there
        needed = links.receives.rows(there) if self._plan.receives else {}
        return self.mix(links.sends.rows(there), needed)
