"""DIMACS: a line ``p edge NODES EDGES``, then ``e i j``, or ``a i j weight``; ``c`` comments."""

import re

import numpy as np

from udsgd_mpi.graphs.formats.content import Content
from udsgd_mpi.graphs.formats.found import Found, NotOfFormat, numbered

_PROBLEM = re.compile(r"p\s+(\w+)\s+([0-9]{1,9})\s+([0-9]{1,18})")
_EDGE = re.compile(r"([ea])\s+([0-9]{1,9})\s+([0-9]{1,9})(\s+\S+)?")


def read(content: Content) -> Found:
    """Read a graph of the second or the ninth DIMACS challenge."""
    n: int | None = None
    ends: list[tuple[int, int]] = []
    kinds, weighted = set(), False
    for number, line in enumerate(content.text.split("\n"), start=1):
        data = line.strip()
        if not data or data.split()[0] in ("c", "n"):
            continue
        if n is None:
            if not (problem := _PROBLEM.fullmatch(data)):
                raise NotOfFormat(f"line {number}: expected p edge NODES EDGES, got {data!r}")
            n, edges = int(problem[2]), int(problem[3])
            continue
        edge = _EDGE.fullmatch(data)
        if not edge or not all(1 <= int(end) <= n for end in edge.group(2, 3)):
            raise NotOfFormat(
                f"line {number}: expected e i j, or a i j weight, with nodes from 1 to {n}, got"
                f" {data!r}"
            )
        ends.append((int(edge[2]) - 1, int(edge[3]) - 1))
        kinds.add(edge[1])
        weighted |= edge[4] is not None
    if n is None or len(ends) not in (edges, 2 * edges):
        raise NotOfFormat(f"expected {edges if n else 'p edge NODES and'} EDGES, got {len(ends)}")
    i, j = np.array(ends, dtype=np.int64).reshape(-1, 2).T
    dropped = ("weights",) if weighted else ()
    return Found(
        "DIMACS", numbered(1, n, len(ends)), i, j, True if kinds == {"a"} else None, dropped
    )
