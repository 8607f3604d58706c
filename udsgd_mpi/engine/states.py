"""What agents carry beside θ."""

from dataclasses import replace
from typing import Any

import numpy as np

from udsgd_mpi.communication import DSGD
from udsgd_mpi.engine.host_memory import DOUBLE
from udsgd_mpi.engine.iterates import HISTORY, PUBLIC
from udsgd_mpi.experiment.schema import Experiment
from udsgd_mpi.methods import Method, State
from udsgd_mpi.objectives import Objective

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
    initial = objective.initial_statistics()
    of_method = tuple(
        replace(state, dtype=dtype) if state.mixed else state for state in method.states(d)
    )
    if len(initial) == 0:
        return of_method
    statistics = State(
        STATISTICS,
        "running means and variances of BatchNorm of every agent",
        len(initial),
        dtype,
        mixed=objective.mixes_statistics,
        initial=initial,
    )
    return (*of_method, statistics)


def mixed_of_run(experiment: Experiment, objective: Objective, d: int) -> list[int]:
    """How many numbers an agent has, in a trial, of θ and of each state that W mixes with it."""
    states = states_of_run(experiment, objective, d)
    return [d, *(state.elements for state in states if state.mixed)]


def message_of_run(experiment: Experiment, objective: Objective, d: int) -> int:
    """Bytes of an agent's message in one trial."""
    return experiment.codec(d).row_bytes(sum(mixed_of_run(experiment, objective, d)))


def states_of_run(experiment: Experiment, objective: Objective, d: int) -> tuple[State, ...]:
    """The same of a run, in numbers of its type, and what its messages ask for.

    That is what is public of θ where these are compressed, and what θ was where they are old.
    """
    states = states_of(experiment.method, objective, d, experiment.numbers)
    beside = *public_of(experiment, d, experiment.numbers), *_history_of(experiment, d)
    return (*states, *beside)


def public_of(experiment: Experiment, d: int, dtype: np.dtype[Any] = DOUBLE) -> tuple[State, ...]:
    """What others know of an agent's θ, where messages are compressed; nothing elsewhere."""
    if experiment.communication.compression is None:
        return ()
    return (State(PUBLIC, "what others know of theta^i_n", d, dtype),)


def _history_of(experiment: Experiment, d: int) -> tuple[State, ...]:
    """Half-steps that others may still read, where these may be stale; nothing elsewhere."""
    communication = experiment.communication
    if not isinstance(communication, DSGD) or communication.staleness is None:
        return ()
    parts = communication.staleness + 1
    return tuple(
        State(
            f"{HISTORY}_{k}",
            f"half-steps of every agent at the last aggregation l with l mod {parts} = {k}",
            d,
            experiment.numbers,
        )
        for k in range(parts)
    )
