"""Who sends what to whom for a W, and which rows of it each rank combines when."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.communication import Layout, Weights
from udsgd_mpi.kernels.agent_sums import combine_in

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
            combine_in(mixed.dtype)(*self, half_steps, mixed)


class Reach:
    """What a rank reads from others in shared memory, and they from it, for any W of a schedule.

    Parameters
    ----------
    supports
        Of the schedule.
    first
        First row, in memory, of each rank whose half-steps this one reads there, its own among
        them; copies of others' lie after its own agents' rows.

    Attributes
    ----------
    near
        Other ranks that read half-steps of this one there, or are read by it.
    read
        Hosted agents whose half-steps others need: what they read of the step before is to be
        overwritten.
    """

    def __init__(
        self, supports: Sequence[Weights], layout: Layout, rank: int, first: Mapping[int, int]
    ) -> None:
        self.layout, self.rank, self.first = layout, rank, first
        near: set[int] = set()
        read = [np.empty(0, dtype=np.int64)]
        for W in supports:
            wanted = W.wanted(layout, rank)
            near.update(wanted, layout.host(W.copies(layout, rank)).tolist())
            read += wanted.values()
        self.near = sorted(near & first.keys())
        self.read = np.unique(np.concatenate(read))


class Plan:
    """What a rank sends and receives for W, and its rows of W over the memory that it reads.

    Attributes
    ----------
    sends
        Ranks, and which of the hosted agents' half-steps they are sent, counted from the first.
    receives
        Ranks, and the rows of the own section that receive their half-steps.
    copies
        Agents whose half-steps are received, ascending, as their rows are in the own section.
    partners
        All of these ranks.
    place
        Where in memory the half-step of each agent is, of those that W needs here.
    interior, border
        Rows of W of agents that exchange with agents hosted here alone, and of the others.
    """

    def __init__(self, weights: Weights, reach: Reach) -> None:
        layout, rank, first = reach.layout, reach.rank, reach.first
        self._hosted = hosted = layout.hosted(rank)
        away = weights.copies(layout, rank)
        self.copies = copies = away[~np.isin(layout.host(away), list(first))]
        self.sends = [
            (to, agents - hosted.start)
            for to, agents in weights.wanted(layout, rank).items()
            if to not in first
        ]
        hosts, counts = np.unique(layout.host(copies), return_counts=True)
        ends = len(hosted) + np.cumsum(counts)
        self.receives = [
            (int(source), slice(int(end - count), int(end)))
            for source, count, end in zip(hosts, counts, ends, strict=True)
        ]
        self.partners = sorted({*(to for to, _ in self.sends), *hosts.tolist()})
        self.place = place = np.empty(layout.agents, dtype=np.int64)
        for other, row in first.items():
            theirs = layout.hosted(other)
            place[theirs.start : theirs.stop] = row + np.arange(len(theirs))
        place[copies] = first[rank] + len(hosted) + np.arange(len(copies))
        own = weights.rows
        reads = (layout.host(own) == rank) & (layout.host(weights.columns.astype(np.int64)) != rank)
        border = np.union1d(own[reads], reach.read)
        interior = np.setdiff1d(np.arange(hosted.start, hosted.stop), border)
        self._parts = interior, border
        self.interior, self.border = self.rows_of(weights)

    def rows_of(self, weights: Weights) -> tuple[Rows, Rows]:
        """Interior and border of a W that is 0 wherever the W that was planned for is."""
        start, place = self._hosted.start, self.place
        interior, border = (
            rows_of(weights, agents, agents - start, place) for agents in self._parts
        )
        return interior, border

    def copies_in(self, rows: slice) -> Indices:
        """Agents whose half-steps some rows of the own section receive, ascending."""
        hosted = len(self._hosted)
        return self.copies[rows.start - hosted : rows.stop - hosted]


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
    """Where the rows of some agents begin in a list of their entries, and the entries of W."""
    first, last = weights.offsets[agents], weights.offsets[agents + 1]
    offsets = np.append(0, np.cumsum(last - first))
    return offsets, np.repeat(first - offsets[:-1], last - first) + np.arange(offsets[-1])
