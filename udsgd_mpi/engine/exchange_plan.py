"""Who sends what to whom for a W, and which rows of it each rank combines when."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.communication import OnLinks, Weights
from udsgd_mpi.communication.links import Flags, keep
from udsgd_mpi.engine.placement import Layout, copies_needed, rows_wanted
from udsgd_mpi.kernels.agent_sums import combine

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]


class Rows(NamedTuple):
    """Some rows of W, as ``agent_sums.combine`` takes them."""

    offsets: Indices
    columns: NDArray[np.int32]
    values: Floats
    needed: Indices
    rows: Indices

    def combine(self, half_steps: Floats, mixed: Floats) -> None:
        """Mix them, if there are any."""
        if len(self.rows):
            combine(*self, half_steps, mixed)


class Plan:
    """What a rank sends and receives for W, and its rows of W over the memory that it reads.

    Parameters
    ----------
    shared
        First row, in memory, of each rank whose half-steps this one reads there, its own among
        them; copies of others' lie after its own agents' rows.
    recurring
        All W for which half-steps are read there; none for one that does not come back.

    Attributes
    ----------
    sends
        Ranks, and which of the hosted agents' half-steps they are sent, counted from the first.
    receives
        Ranks, and the rows of the own section that receive their half-steps.
    partners
        All of these ranks.
    wanted
        Numbers of half-steps that other ranks need, in messages or in memory.
    interior, border
        Rows of W of agents that exchange with agents hosted here alone, and of the others.
    """

    def __init__(
        self,
        weights: Weights,
        layout: Layout,
        rank: int,
        shared: Mapping[int, int],
        recurring: Sequence[Weights] = (),
    ) -> None:
        hosted = layout.hosted(rank)
        away = copies_needed(weights, layout, rank)
        copies = away[~np.isin(layout.host(away), list(shared))]
        wanted = rows_wanted(weights, layout, rank)
        self.sends = [
            (to, agents - hosted.start) for to, agents in wanted.items() if to not in shared
        ]
        self.wanted = [len(agents) for agents in wanted.values()]
        hosts, counts = np.unique(layout.host(copies), return_counts=True)
        ends = len(hosted) + np.cumsum(counts)
        self.receives = [
            (int(source), slice(int(end - count), int(end)))
            for source, count, end in zip(hosts, counts, ends, strict=True)
        ]
        self.partners = sorted({*(to for to, _ in self.sends), *hosts.tolist()})
        place = np.empty(layout.agents, dtype=np.int64)
        for other, first in shared.items():
            theirs = layout.hosted(other)
            place[theirs.start : theirs.stop] = first + np.arange(len(theirs))
        place[copies] = shared[rank] + len(hosted) + np.arange(len(copies))
        own = weights.rows
        reads = (layout.host(own) == rank) & (layout.host(weights.columns.astype(np.int64)) != rank)
        # What another rank may still read from the step before waits to be overwritten.
        read = [agents for W in recurring for agents in rows_wanted(W, layout, rank).values()]
        border = np.unique(np.concatenate([own[reads], *read]))
        interior = np.setdiff1d(np.arange(hosted.start, hosted.stop), border)
        self.interior, self.border = (
            rows_of(weights, agents, agents - hosted.start, place) for agents in (interior, border)
        )


def rows_of(weights: Weights, agents: Indices, rows: Indices, place: Indices) -> Rows:
    """Some rows of W.

    Parameters
    ----------
    agents
        Whose rows, shape (rows,).
    rows
        Where in the buffers of the rank they are, shape (rows,).
    place
        Where in memory each agent's half-step is.
    """
    offsets, arcs = entries_of(weights, agents)
    needed, columns = np.unique(weights.columns[arcs], return_inverse=True)
    return Rows(offsets, columns.astype(np.int32), weights.values[arcs], place[needed], rows)


def entries_of(weights: Weights, agents: Indices) -> tuple[Indices, Indices]:
    """Where the rows of some agents begin in a list of their entries, and these entries of W."""
    first, last = weights.offsets[agents], weights.offsets[agents + 1]
    offsets = np.append(0, np.cumsum(last - first))
    return offsets, np.repeat(first - offsets[:-1], last - first) + np.arange(offsets[-1])


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
    """The same for weights on links that are there at random, planned once for all of them.

    Parameters
    ----------
    shared
        As of ``Plan``.

    Attributes
    ----------
    whole
        The plan for all links, of which every exchange carries out a part.
    interior, border
        Rows of the present W.
    kernel, drawing
        What draws links, and what it takes.
    supports
        Rows of the support, of the interior and of the border, as ``keep`` takes them.
    sends, receives
        For the links at which half-steps of this rank, or of others, pass between ranks.
    """

    def __init__(
        self, schedule: OnLinks, layout: Layout, rank: int, shared: Mapping[int, int]
    ) -> None:
        support = schedule.support
        self.whole = Plan(support, layout, rank, shared, [support])
        hosted = layout.hosted(rank)
        _, mine = entries_of(support, np.arange(hosted.start, hosted.stop))
        links = np.unique(schedule.link[mine])
        links = links[links >= 0]
        self.drawing, places = schedule.drawing(links)
        self.kernel = schedule.draw
        place = np.append(np.full(len(schedule.i), -1), -1)  # the last is the diagonal's
        place[links] = places
        kept = [_copied(rows) for rows in (self.whole.interior, self.whole.border)]
        self.interior, self.border = kept
        self.supports = [
            (
                rows.offsets,
                rows.columns,
                rows.values,
                place[schedule.link[entries_of(support, hosted.start + rows.rows)[1]]],
            )
            for rows in (self.whole.interior, self.whole.border)
        ]
        rows, columns = support.rows[mine], support.columns[mine].astype(np.int64)
        hosts = layout.host(columns)
        away = hosts != rank
        hosts, at = hosts[away], place[schedule.link[mine[away]]]
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
