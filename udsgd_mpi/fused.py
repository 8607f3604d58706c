"""Both lines of the equation in one kernel, where every half-step that is needed lies in memory.

No interpreter runs between two steps. A rank of many on a core finds little of it in the caches
when its turn comes, and it takes longer than the step.
"""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numba import types
from numpy.typing import NDArray

from udsgd_mpi.agent_sums import COMBINE, combine
from udsgd_mpi.compiled import inlined, kernel
from udsgd_mpi.exchange_plan import Rows
from udsgd_mpi.objectives import CompiledObjective, Points
from udsgd_mpi.objectives.base import LOCAL_STEPS
from udsgd_mpi.rounding import restore_rows, round_rows
from udsgd_mpi.turns import LOOKS, Counts, others_reached, take_turn

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_MONOTONIC = getattr(time, "CLOCK_MONOTONIC", 1)


class Memory(NamedTuple):
    """Where a rank's agents and the half-steps that they need are, each in two buffers.

    Attributes
    ----------
    theta
        Of the hosted agents, shape (agents, trials, d).
    half_steps
        Of all agents that W joins to them, shape (rows, trials · d).
    mixed
        Where ``theta`` is, as rows, shape (rows, trials · d).
    lost
        For what rounding takes from the rows of hosted agents; without rows where there is none.
    interior, border
        Rows of W that need no other rank, and the others: the first arguments of ``combine``.
    counts, mine, near
        See ``Turns``; of this rank, and of those whose half-steps are needed.
    """

    theta: tuple[Floats, Floats]
    half_steps: tuple[Floats, Floats]
    mixed: tuple[Floats, Floats]
    lost: Floats
    interior: Rows
    border: Rows
    counts: Counts
    mine: int
    near: Counts


class Done(NamedTuple):
    """How many exchanges were made, and the seconds of local steps and of waiting."""

    exchanges: int
    local: float
    waited: float


class FusedSteps:
    """Local steps, and the exchanges between them.

    Parameters
    ----------
    batch
        Number of points in a mini-batch of each agent, shape (agents,).
    """

    def __init__(
        self, objective: CompiledObjective, points: Points, batch: Integers, memory: Memory
    ) -> None:
        d = memory.theta[0].shape[-1]
        self._local_steps = objective.local_steps
        self._points = objective.arguments(points, batch, d)
        self._memory: tuple[Any, ...] = (
            *memory[:4], tuple(memory.interior), tuple(memory.border), *memory[6:]
        )  # fmt: skip

    def __call__(self, present: int, X: NDArray[np.int32], gamma: Floats, times: Integers) -> Done:
        """All steps; or up to an exchange for which others are late, with its interior mixed.

        Parameters
        ----------
        present
            Which of the two buffers θ is in; with each exchange it changes to the other.
        X, gamma
            First rows of the mini-batches, shape (steps, agents, trials); step sizes.
        times
            The numbers of steps after which there is an exchange, ascending.
        """
        seconds = np.zeros(2)
        exchanges = _run(
            self._local_steps, combine, X, gamma, times, seconds, self._points, present,
            *self._memory
        )  # fmt: skip
        return Done(int(exchanges), *seconds.tolist())


_clock_gettime = types.ExternalFunction("clock_gettime", types.int32(types.int32, types.uintp))


@inlined
def _now(memory: Integers) -> float:
    """Seconds of a clock; memory is (2,)."""
    _clock_gettime(_MONOTONIC, memory.ctypes.data)
    return float(memory[0] + 1e-9 * memory[1])


_POINTS = "Tuple((float64[:, ::1], float64[::1], float64[::1], int64[::1], float64[::1]))"
_ROWS = "Tuple((int64[::1], int32[::1], float64[::1], int64[::1], int64[::1]))"
_BUFFERS = "UniTuple(float64[:, ::1], 2)"


@kernel(
    f"int64(FunctionType({LOCAL_STEPS}), FunctionType({COMBINE}), int32[:, :, ::1], float64[::1],"
    f" int64[::1], float64[::1], {_POINTS}, int64, UniTuple(float64[:, :, ::1], 2), {_BUFFERS},"
    f" {_BUFFERS}, float64[:, ::1], {_ROWS}, {_ROWS}, int64[::1], int64, int64[::1])"
)
def _run(
    local_steps: Callable[..., None],
    combine: Callable[..., None],
    X: NDArray[np.int32],
    gamma: Floats,
    times: Integers,
    seconds: Floats,
    of_points: tuple[Floats, Floats, Floats, Integers, Floats],
    present: int,
    theta: tuple[Floats, Floats],
    half_steps: tuple[Floats, Floats],
    mixed: tuple[Floats, Floats],
    lost: Floats,
    interior: Rows,
    border: Rows,
    counts: Integers,
    mine: int,
    near: Integers,
) -> int:
    """How many exchanges were made; ``seconds`` (2,) are those of ``Done``."""
    memory = np.empty(2, dtype=np.int64)
    start = 0
    for k in range(len(times)):
        began = _now(memory)
        stop = times[k]
        local_steps(theta[present], X[start:stop], gamma[start:stop], *of_points)
        seconds[0] += _now(memory) - began
        if len(lost):
            round_rows(mixed[present], lost)
        if len(near):
            take_turn(counts, mine)
        if len(interior[4]):
            combine(*interior, half_steps[present], mixed[1 - present])
        if not others_reached(counts, mine, near, 1):
            began = _now(memory)
            reached = others_reached(counts, mine, near, LOOKS)
            seconds[1] += _now(memory) - began
            if not reached:
                return k
        if len(border[4]):
            combine(*border, half_steps[present], mixed[1 - present])
        present = 1 - present
        if len(lost):
            restore_rows(mixed[present], lost)
        start = stop
    if start < len(X):
        began = _now(memory)
        local_steps(theta[present], X[start:], gamma[start:], *of_points)
        seconds[0] += _now(memory) - began
    return len(times)
