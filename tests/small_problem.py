"""Problems of four agents with 160 random points, for tests of what is predicted."""

from pathlib import Path
from typing import Any

import numpy as np

from udsgd_mpi.experiment.check import check
from udsgd_mpi.problem import LoneTeam, Problem, pose

AGENTS, POINTS, D, TRIALS, STEPS = 4, 40, 5, 2000, 4000


def write_points(path: Path) -> Path:
    """Write the points to a LIBSVM file."""
    rng = np.random.default_rng(8)
    x = rng.normal(size=(AGENTS * POINTS, D))
    y = np.where(rng.random(len(x)) < 1 / (1 + np.exp(-x @ rng.normal(size=D))), 1, -1)
    path.write_text(
        "".join(
            f"{label} " + " ".join(f"{k + 1}:{v!r}" for k, v in enumerate(row.tolist())) + "\n"
            for label, row in zip(y.tolist(), x, strict=True)
        )
    )
    return path


def problem(data: Path, sampler: Any, **settings: Any) -> Problem:
    """The problem of one group on these points; ``settings`` change it."""
    experiment = check(
        {
            "agents": AGENTS,
            "steps": STEPS,
            "trials": TRIALS,
            "data": {"source": str(data)},
            "communication": "centralized",
            "groups": {
                "all": {
                    "share": 1,
                    "sampler": sampler,
                    "graph": {"kind": "erdos_renyi", "mean_degree": 5},
                }
            },
            "record": {"steps": [1000, 2000], "polyak": True},
            **settings,
        }
    )
    return pose(experiment, LoneTeam(experiment.agents or AGENTS))
