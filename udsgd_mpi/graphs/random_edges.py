"""Edges of random graphs, each those that networkx draws with the same seed.

A graph in networkx is a dictionary of dictionaries, and to build one takes most of the time. So
these are its algorithms on lists, with its random numbers; tests hold one against the other.
"""

from collections.abc import Iterator
from itertools import chain
from math import log
from random import Random
from sys import float_info

import numpy as np
from numpy.typing import NDArray

Edges = NDArray[np.int64]


def small_world_edges(n: int, k: int, p: float, seed: int) -> Edges:
    """``networkx.watts_strogatz_graph(n, k, p, seed)`` for k < n, shape (edges, 2).

    Edge (i, i + j) of the ring, for j = 1, …, ⌊k/2⌋, keeps its end i, and with probability p gets
    another end, uniform on the nodes that are not joined to i.
    """
    random = _numbers(seed)
    rows = [[(i + j) % n for i in range(n)] for j in range(1, k // 2 + 1)]
    degrees = [2 * len(rows)] * n
    for row in rows:
        for i in range(n):
            if random.random() >= p:
                continue
            head = random.randrange(n)
            while head == i or _joined(rows, i, head):
                head = random.randrange(n)
                if degrees[i] >= n - 1:
                    break
            else:
                degrees[row[i]] -= 1
                degrees[head] += 1
                row[i] = head
    heads = np.array(rows, dtype=np.int64).reshape(-1, n)
    return np.stack([np.tile(np.arange(n), len(rows)), heads.ravel()], axis=1)


def _joined(rows: list[list[int]], i: int, j: int) -> bool:
    return any(row[i] == j or row[j] == i for row in rows)


def erdos_renyi_edges(n: int, p: float, seed: int) -> Edges:
    """``networkx.fast_gnp_random_graph(n, p, seed)`` for 0 < p < 1, shape (edges, 2).

    Pairs without an edge are skipped by geometric leaps (Batagelj and Brandes, 2005).
    """
    ends = np.fromiter(chain.from_iterable(_leaps(n, p, seed)), dtype=np.int64)
    return ends.reshape(-1, 2)


def _leaps(n: int, p: float, seed: int) -> Iterator[tuple[int, int]]:
    random = _numbers(seed)
    scale = log(1 - p) or -float_info.min
    i, j = 1, -1
    while True:
        j += 1 + int(min(log(1 - random.random()) / scale, n * n))
        while j >= i and i < n:
            j -= i
            i += 1
        if i >= n:
            return
        yield i, j


def scale_free_edges(n: int, m: int, seed: int) -> Edges:
    """``networkx.barabasi_albert_graph(n, m, seed)`` for m < n, shape (edges, 2).

    It grows from a star of m + 1 nodes. ``ends`` has every node as often as its degree says.
    """
    random = _numbers(seed)
    heads = list(range(1, m + 1))
    ends = [0] * m + heads
    for node in range(m + 1, n):
        joined: set[int] = set()
        while len(joined) < m:
            joined.add(random.choice(ends))
        heads.extend(joined)
        ends.extend(joined)
        ends.extend([node] * m)
    tails = np.append(np.zeros(m, dtype=np.int64), np.repeat(np.arange(m + 1, n), m))
    return np.stack([tails, np.array(heads, dtype=np.int64)], axis=1)


def _numbers(seed: int) -> Random:
    return Random(seed)  # noqa: S311 - no secret
