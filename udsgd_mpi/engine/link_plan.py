"""What a rank exchanges over links that fail at random."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.communication import OnLinks
from udsgd_mpi.communication.forms.links import Flags, keep
from udsgd_mpi.engine.exchange_plan import Plan, Reach, Rows, entries_of

Indices = NDArray[np.int64]


class Needs(NamedTuple):
    """Half-steps that pass between this rank and others, and the links for which they do.

    Attributes
    ----------
    ranks
        The others, ascending.
    of_rank
        Where the half-steps of each of them begin, and one past the last; shape (ranks + 1,).
    of_row
        Where the links of each half-step begin in ``links``, shape (half-steps + 1,).
    links
        Where in ``Drawing.there``.
    """

    ranks: Indices
    of_rank: Indices
    of_row: Indices
    links: Indices

    @classmethod
    def of(cls, ranks: Indices, agents: Indices, links: Indices) -> "Needs":
        """From one entry for each link: with whom, whose half-step, and the link."""
        order = np.lexsort((links, agents, ranks))
        ranks, agents, links = ranks[order], agents[order], links[order]
        new_rank = np.diff(ranks, prepend=-1) > 0
        new_row = new_rank | (np.diff(agents, prepend=-1) != 0)
        of_row = np.append(np.flatnonzero(new_row), len(links))
        of_rank = np.searchsorted(of_row, np.append(np.flatnonzero(new_rank), len(links)))
        return cls(ranks[new_rank], of_rank, of_row, links)

    def rows(self, there: Flags) -> dict[int, Indices]:
        """Of each rank with which there are any: the half-steps needed, counted from its first."""
        if len(self.links) == 0:
            return {}
        needed = np.logical_or.reduceat(there[self.links] != 0, self.of_row[:-1])
        parts = zip(self.ranks.tolist(), np.split(needed, self.of_rank[1:-1]), strict=True)
        return {rank: np.flatnonzero(part) for rank, part in parts if part.any()}


class LinkPlan:
    """A plan for weights on links that fail at random, made once for all aggregations.

    Attributes
    ----------
    whole
        The plan for all links; every exchange carries out a part of it.
    interior, border
        Rows of the present W.
    kernel, drawing
        What draws links, and what it takes.
    supports
        Rows of the support, of the interior and of the border, as ``keep`` takes them.
    sends, receives
        For the links at which half-steps of this rank, or of others, pass between ranks.
    """

    def __init__(self, form: OnLinks, reach: Reach) -> None:
        support, layout, rank = form.support, reach.layout, reach.rank
        self.whole = Plan(support, reach)
        hosted = layout.hosted(rank)
        _, mine = entries_of(support, np.arange(hosted.start, hosted.stop))
        links = np.unique(form.link[mine])
        links = links[links >= 0]
        self.drawing, places = form.drawing(links)
        self.kernel = form.draw
        place = np.append(np.full(len(form.i), -1), -1)  # the last is the diagonal's
        place[links] = places
        kept = [_copied(rows) for rows in (self.whole.interior, self.whole.border)]
        self.interior, self.border = kept
        self.supports = [
            (
                rows.offsets,
                rows.columns,
                rows.values,
                place[form.link[entries_of(support, hosted.start + rows.rows)[1]]],
            )
            for rows in (self.whole.interior, self.whole.border)
        ]
        rows, columns = support.rows[mine], support.columns[mine].astype(np.int64)
        hosts = layout.host(columns)
        away = hosts != rank
        hosts, at = hosts[away], place[form.link[mine[away]]]
        self.sends = Needs.of(hosts, rows[away], at)
        self.receives = Needs.of(hosts, columns[away], at)

    def draw(self, number: int) -> None:
        """Make the rows those of the W of an aggregation."""
        self.kernel(number, tuple(self.drawing))
        for support, kept in zip(self.supports, (self.interior, self.border), strict=True):
            keep(support, self.drawing.there, kept.offsets, kept.columns, kept.values)


def _copied(rows: Rows) -> Rows:
    """With room of its own for the entries."""
    return rows._replace(
        offsets=rows.offsets.copy(), columns=rows.columns.copy(), values=rows.values.copy()
    )
