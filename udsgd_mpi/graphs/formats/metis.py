"""METIS: nodes and edges counted in the first line, then a line of neighbours for each node."""

import numpy as np

from udsgd_mpi.graphs.formats.content import Content
from udsgd_mpi.graphs.formats.found import Found, NotOfFormat, numbered


def read(content: Content) -> Found:
    """Read the format of the METIS manual (5.1, section 4.1.1)."""
    lines = [
        (number, line.split())
        for number, line in enumerate(content.text.rstrip("\n").split("\n"), start=1)
        if not line.startswith("%")
    ]
    number, head = lines[0]
    if not (2 <= len(head) <= 4 and all(word.isdecimal() for word in head)):
        raise NotOfFormat(f"line {number}: expected the numbers of nodes and edges, got {head}")
    n, edges = int(head[0]), int(head[1])
    form = head[2].zfill(3) if len(head) > 2 else "000"
    weights = int(head[3]) if len(head) > 3 else int(form[1])
    before = (form[0] == "1") + weights * (form[1] == "1")
    rows = lines[1:] + [(0, list[str]())] * (n + 1 - len(lines) if len(lines) == n else 0)
    if len(rows) != n:
        raise NotOfFormat(f"expected a line for each of {n} nodes, got {len(rows)}")
    tails, heads = [], []
    for i, (row, words) in enumerate(rows):
        neighbours = words[before :: 2 if form[2] == "1" else 1]
        for word in neighbours:
            if not (word.isdecimal() and 1 <= int(word) <= n):
                raise NotOfFormat(f"line {row}: expected neighbours from 1 to {n}, got {word!r}")
            tails.append(i)
            heads.append(int(word) - 1)
    if len(tails) != 2 * edges:
        raise NotOfFormat(
            f"line {number}: expected {edges} edges, each at both of its ends, got {len(tails)}"
            " neighbours"
        )
    i, j = np.array([tails, heads], dtype=np.int64)
    return Found("METIS", numbered(1, n, edges), i, j, None, ("weights",) if form != "000" else ())
