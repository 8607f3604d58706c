"""A table of three agents, as a file and as a problem."""

import gzip
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from udsgd_mpi.experiment.check import check
from udsgd_mpi.problem import LoneTeam, Problem, pose, with_agents_of_data

SIZES = {"ward 10": 2, "ward 2": 40, "ward 1": 13}  # not in natural order, and one of two rows
AGENTS = ["ward 1", "ward 2", "ward 10"]
HEAD = ["ward", "age", "pressure", "place", "constant", "sex", "outcome"]


def rows(*, missing: bool = False) -> list[list[str]]:
    """Cells of all agents, one row after the other in turn as long as there are any."""
    rng = np.random.default_rng(4)
    found = []
    left = dict(SIZES)
    while any(left.values()):
        for ward in [name for name, count in left.items() if count]:
            left[ward] -= 1
            age, pressure = rng.normal(60, 9), rng.normal(1010, 0.3)
            place = rng.choice(["town", "a, b", "sea"])
            sex = rng.choice(["1", "1.0", "2", "10"])
            outcome = str(int(rng.integers(4)))
            row = [ward, f"{age!r}", f"{pressure:.2f}", place, "0.1", sex, outcome]
            if missing and rng.random() < 0.3:
                row[rng.integers(1, 4)] = str(rng.choice(["", "?", "NA"]))
            found.append(row)
    return found


def write(path: Path, lines: list[list[str]], head: list[str] | None = None) -> Path:
    quoted = [[f'"{c}"' if "," in c else c for c in line] for line in [head or HEAD, *lines]]
    text = "\n".join(",".join(line) for line in quoted) + "\n\n"
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


def settings(path: Path, **changes: Any) -> dict[str, Any]:
    data = {"kind": "table", "path": str(path), "label": "outcome", "agent": "ward"}
    data |= {"categorical": ["place", "sex"], "standardize": True} | changes
    objective = {"kind": "ridge", "l2": 0.1}
    return {"data": data, "objective": objective, "groups": {"all": {"sampler": "iid"}}}


def posed(path: Path, more: Mapping[str, Any] | None = None, **changes: Any) -> Problem:
    experiment = check(settings(path, **changes) | dict(more or {}))
    experiment = with_agents_of_data({"main": experiment})["main"]
    return pose(experiment, LoneTeam(experiment.agents or 1))
