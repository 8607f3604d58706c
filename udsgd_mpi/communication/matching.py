"""Pairwise gossip on random matchings."""

from functools import cache

import numpy as np

from udsgd_mpi.communication.base import InTurn, Pattern, Schedule
from udsgd_mpi.communication.forms.base import Floats, Integers
from udsgd_mpi.communication.forms.links import DRAW_LINKS, Drawing, OnLinks
from udsgd_mpi.communication.intervals import Interval
from udsgd_mpi.communication.second_moment import SecondMoment
from udsgd_mpi.graphs import Graph
from udsgd_mpi.kernels.compiled import kernel
from udsgd_mpi.kernels.random_numbers import Purpose, philox

_MIXING = np.uint64(Purpose.MIXING)
_32 = np.uint64(32)
_FEW_AGENTS = 8  # whose sets are gone through one by one


@kernel(DRAW_LINKS)
def matched(number: int, drawing: Drawing) -> None:
    """Links in the order of random keys, where both ends are still free.

    The order of independent keys is uniform; of equal ones, which do not occur, the first link
    comes first. Keys are sorted by what comes out in linear time: into as many buckets as there
    are links, which insertion then puts right.
    """
    seed, _, first, second, _, _, good, there = drawing
    links = len(there)
    keys, order = np.empty(links + 1, dtype=np.uint64), np.empty(links, dtype=np.int64)
    begin = np.zeros(links + 1, dtype=np.int64)
    for pair in range((links + 1) // 2):
        w0, w1, w2, w3 = philox(np.uint64(number), _MIXING, np.uint64(pair), np.uint64(0), seed)
        keys[2 * pair] = (w0 << _32) | w1
        keys[2 * pair + 1] = (w2 << _32) | w3
    size = np.uint64(links)
    for e in range(links):
        begin[((keys[e] >> _32) * size >> _32) + np.uint64(1)] += 1
    for bucket in range(links):
        begin[bucket + 1] += begin[bucket]
    for e in range(links):
        bucket = (keys[e] >> _32) * size >> _32
        order[begin[bucket]] = e
        begin[bucket] += 1
    for k in range(1, links):
        e, before = order[k], k - 1
        while before >= 0 and keys[order[before]] > keys[e]:
            order[before + 1] = order[before]
            before -= 1
        order[before + 1] = e
    good[:] = 1
    for k in range(links):
        e = order[k]
        taken = good[first[e]] & good[second[e]]
        there[e] = taken
        if taken:
            good[first[e]] = good[second[e]] = 0


class RandomMatching(Pattern, frozen=True, tag="random_matching"):
    """Pairs of neighbours average: a random maximal matching of the topology each time.

    Edges are taken in random order where both ends are still free (pairwise gossip; Boyd, Ghosh,
    Prabhakar and Shah, 2006).
    """

    interval: Interval = 1

    def start(self, topology: Graph, seed: int) -> Schedule:
        return InTurn(self.interval, [_Matched(topology, seed)])


class _Matched(OnLinks):
    """Whether a link is taken depends on all others: every rank draws all."""

    draw = matched

    def __init__(self, topology: Graph, seed: int) -> None:
        super().__init__(topology, weights=0.5)
        self._seed = np.uint64(seed)

    def drawing(self, links: Integers) -> tuple[Drawing, Integers]:
        nothing, agents = np.empty(0, dtype=np.int64), len(self.support)
        free, there = (np.zeros(size, dtype=np.uint8) for size in (agents, len(self.i)))
        drawing = Drawing(self._seed, nothing, self.i, self.j, np.empty(0), nothing, free, there)
        return drawing, links

    def second_moment(self, agents: int) -> SecondMoment | None:
        """E[W²] = E[W] = I − ½ Σ p_e L_e, as W is a projection; p_e is the share of e."""
        from scipy.sparse import eye_array

        edges = len(self.i)
        if edges == agents * (agents - 1) // 2:
            shares = np.full(edges, agents // 2 / max(1, edges))
        elif agents <= _FEW_AGENTS:
            shares = shares_of_edges(agents, self.i, self.j)
        else:
            return None
        rest = eye_array(agents, format="csr") - self.laplacian(shares / 2)
        return SecondMoment.of(agents, rest=rest)


def shares_of_edges(agents: int, i: Integers, j: Integers) -> Floats:
    """Probability that each edge {i, j} is in the matching, by the first edge that is taken."""

    @cache
    def among(free: int) -> Floats:
        left = [e for e, (a, b) in enumerate(ends) if free >> a & 1 and free >> b & 1]
        shares = np.zeros(len(ends))
        for e in left:
            a, b = ends[e]
            shares += among(free & ~(1 << a) & ~(1 << b))
            shares[e] += 1
        return shares / max(1, len(left))

    ends = list(zip(i.tolist(), j.tolist(), strict=True))
    return among((1 << agents) - 1)
