"""A directed graph of four agents that do not hear as many as they tell."""

from pathlib import Path
from typing import Any

import numpy as np

ARCS = [(0, 1), (1, 2), (2, 3), (3, 0), (0, 2)]
A = np.array([[2, 0, 0, 3], [2, 3, 0, 0], [2, 3, 3, 0], [0, 0, 3, 3]]) / 6


def write_arcs(folder: Path) -> Path:
    """As an edge list."""
    path = folder / "arcs.edgelist"
    path.write_text("".join(f"{i} {j}\n" for i, j in ARCS))
    return path


def topology(path: Path) -> dict[str, Any]:
    """Settings with the graph of a file, its edges directed."""
    return {"kind": "file", "path": str(path), "directed": True}
