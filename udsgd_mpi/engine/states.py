"""What agents carry beside θ."""

from typing import Any

import numpy as np

from udsgd_mpi.engine.host_memory import DOUBLE
from udsgd_mpi.methods import Method, State
from udsgd_mpi.objectives import Objective
from udsgd_mpi.objectives.network.settings import NetworkOn

STATISTICS = "statistics"


def states_of(
    method: Method, objective: Objective, d: int, dtype: np.dtype[Any] = DOUBLE
) -> tuple[State, ...]:
    """What the method remembers, and the running statistics of a network with BatchNorm.

    Parameters
    ----------
    objective
        On points of their shape.
    dtype
        Of θ.
    """
    states = method.states(d)
    if not isinstance(objective, NetworkOn):
        return states
    initial = objective.initial_statistics()
    if len(initial) == 0:
        return states
    statistics = State(
        STATISTICS,
        "running means and variances of BatchNorm of every agent",
        len(initial),
        dtype,
        mixed=objective.settings.batch_norm_statistics == "averaged",
        initial=initial,
    )
    return (*states, statistics)
