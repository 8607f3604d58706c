"""Who sends what to whom for a W, and which rows of it each rank combines when."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.agent_sums import combine
from udsgd_mpi.communication import Weights
from udsgd_mpi.layout import Layout, copies_needed, rows_wanted

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
    first, last = weights.offsets[agents], weights.offsets[agents + 1]
    offsets = np.append(0, np.cumsum(last - first))
    arcs = np.repeat(first - offsets[:-1], last - first) + np.arange(offsets[-1])
    needed, columns = np.unique(weights.columns[arcs], return_inverse=True)
    return Rows(offsets, columns.astype(np.int32), weights.values[arcs], place[needed], rows)
