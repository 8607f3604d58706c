"""Which problems are too large for the prediction that a run makes."""

import numpy as np

from udsgd_mpi.problem import Problem

_MOST_PARAMETERS = 300  # V and the agents' V_i are matrices of that size
_LARGEST_GRAPH = 10_000  # Poisson's equation is solved on it


def unpredicted(problem: Problem) -> str | None:
    """Why a run makes no prediction of a problem; None where it makes one."""
    if not problem.experiment.record.predict:
        return "not asked for (record.predict)"
    d = len(problem.minimizer)
    if d > _MOST_PARAMETERS:
        return f"d = {d:,} is beyond the {_MOST_PARAMETERS} parameters up to which V is computed"
    nodes = max(
        (e.points // e.batch for e in problem.roster if not np.isnan(e.mean_degree)), default=0
    )
    if nodes > _LARGEST_GRAPH:
        return (
            f"a data graph of {nodes:,} nodes is beyond the {_LARGEST_GRAPH:,} up to which the"
            " variance of a walk is computed"
        )
    return None
