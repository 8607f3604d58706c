"""Both lines of the equation in one kernel, where every half-step that is needed lies in memory.

No interpreter runs between two steps. A rank of many on a core finds little of it in the caches
when its turn comes, and it takes longer than the step.
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numba import types
from numpy.typing import NDArray

from udsgd_mpi.agent_sums import COMBINE, combine
from udsgd_mpi.compiled import inlined, kernel
from udsgd_mpi.objectives import CompiledObjective, Objective, Points
from udsgd_mpi.objectives.base import LOCAL_STEPS
from udsgd_mpi.parallel.mixing import Mixer
from udsgd_mpi.parallel.neighbours import NeighbourMixing
from udsgd_mpi.parallel.turns import LOOKS, others_reached, take_turn
from udsgd_mpi.parallel.waiting import waiting
from udsgd_mpi.sgd import StepByStep, Update
from udsgd_mpi.stopwatch import Activity

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Rows = tuple[Integers, NDArray[np.int32], Floats, Integers, Integers]

_MONOTONIC = getattr(time, "CLOCK_MONOTONIC", 1)


class Fused:
    """The update with a W that comes back at every aggregation, and needs no message.

    Parameters
    ----------
    batch
        Number of points in a mini-batch of each agent, shape (agents,).
    times
        Aggregation times, ascending.
    mixer
        Counts and times what carrying W out takes.
    exchange
        Carries it out.
    """

    def __init__(
        self,
        objective: CompiledObjective,
        points: Points,
        batch: Integers,
        times: Integers,
        mixer: Mixer,
        exchange: NeighbourMixing,
    ) -> None:
        blocks = mixer.blocks
        self._local_steps = objective.local_steps
        self._arguments = objective.arguments(points, batch, blocks.d)
        self._times = times
        self._blocks = blocks
        self._mixer = mixer
        self._exchange = exchange
        shape = (blocks.agents, blocks.trials, blocks.d)
        theta = [buffer[: blocks.agents].reshape(shape) for buffer in blocks.buffers]
        turns = blocks.memory.turns
        self._fixed: Any = (
            tuple(theta),
            tuple(blocks.memory.buffers),
            tuple(blocks.buffers),
            exchange.interior.arguments,
            exchange.border.arguments,
            turns.counts,
            turns.mine,
            exchange.near,
        )

    def __call__(self, n: int, theta: Floats, X: NDArray[np.int32], gamma: Floats) -> Floats:
        """θ_m in the present buffer of the blocks, shape (agents, trials, d)."""
        first, last = np.searchsorted(self._times, [n, n + len(X)], side="right")
        times = self._times[first:last] - n
        start, exchanges = 0, 0
        while True:
            late = exchanges + self._run(X[start:], gamma[start:], times[exchanges:] - start)
            if late == len(times):
                break
            self._finish()
            start, exchanges = int(times[late]), late + 1
        self._mixer.count(self._exchange.sent, len(times))
        return self._blocks.theta

    def _run(self, X: NDArray[np.int32], gamma: Floats, times: Integers) -> int:
        """How many exchanges were made before one for which others were too late."""
        seconds = np.zeros(2)
        done = _update(
            self._local_steps, combine, X, gamma, times, seconds, self._arguments,
            self._blocks.present, *self._fixed
        )  # fmt: skip
        self._blocks.present ^= done & 1
        local, waited = seconds.tolist()
        self._mixer.stopwatch.lap(Activity.MIXING)
        self._mixer.stopwatch.move(local, Activity.MIXING, Activity.GRADIENT)
        waiting.seconds += waited
        self._mixer.waited += waited
        return int(done)

    def _finish(self) -> None:
        """Wait for others for as long as it takes, and make the exchange that was begun."""
        before = waiting.seconds
        self._exchange.finish()
        self._mixer.waited += waiting.seconds - before
        self._mixer.stopwatch.lap(Activity.MIXING)


def update_of(
    objective: Objective, points: Points, batch: Integers, times: Integers, mixer: Mixer
) -> Update:
    """The update of a rank: in one kernel where that can be, or step by step."""
    if mixer.constant and isinstance(objective, CompiledObjective):
        return Fused(objective, points, batch, times, mixer, mixer.constant)
    return StepByStep(objective, points, batch, mixer, times)


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
    f" {_BUFFERS}, {_ROWS}, {_ROWS}, int64[::1], int64, int64[::1])"
)
def _update(
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
    interior: Rows,
    border: Rows,
    counts: Integers,
    mine: int,
    near: Integers,
) -> int:
    """Steps with an exchange after each of ``times``, and how many of them were made.

    Where others are late at the next one, it is left with the interior mixed. ``seconds`` (2,)
    learns the time of local steps, and that of waiting.
    """
    memory = np.empty(2, dtype=np.int64)
    start = 0
    for k in range(len(times)):
        began = _now(memory)
        stop = times[k]
        local_steps(theta[present], X[start:stop], gamma[start:stop], *of_points)
        seconds[0] += _now(memory) - began
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
        start = stop
    if start < len(X):
        began = _now(memory)
        local_steps(theta[present], X[start:], gamma[start:], *of_points)
        seconds[0] += _now(memory) - began
    return len(times)
