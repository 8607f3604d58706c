"""A small experiment, as settings and as classes."""

from typing import Any

import udsgd_mpi

SETTINGS: dict[str, Any] = {
    "agents": 3,
    "steps": 60,
    "trials": 3,
    "data": {"source": "breast_cancer", "standardize": True},
    "record": {"detail": "iterates"},
    "groups": {
        "full": {"share": 0.4, "sampler": "iid"},
        "walkers": {"share": 0.6, "sampler": "srw", "graph": "clustered"},
    },
}


def typed() -> udsgd_mpi.Experiment:
    """The same settings as ``SETTINGS``, as classes."""
    return udsgd_mpi.Experiment(
        agents=3,
        steps=60,
        trials=3,
        data=udsgd_mpi.Data("breast_cancer", standardize=True),
        record=udsgd_mpi.Record("iterates"),
        groups={
            "full": udsgd_mpi.Group(udsgd_mpi.IID(), share=0.4),
            "walkers": udsgd_mpi.Group(udsgd_mpi.SRW(), udsgd_mpi.Clustered(), share=0.6),
        },
    )
