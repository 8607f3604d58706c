"""The update of a rank with its exchanges in one kernel, where that can be."""

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.fused import FusedSteps, Memory
from udsgd_mpi.objectives import CompiledObjective, Objective, Points
from udsgd_mpi.parallel.mixing import Mixer
from udsgd_mpi.parallel.neighbours import NeighbourMixing
from udsgd_mpi.parallel.waiting import waiting
from udsgd_mpi.sgd import StepByStep, Update
from udsgd_mpi.stopwatch import Activity

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


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
        blocks, turns = mixer.blocks, mixer.blocks.memory.turns
        shape = (blocks.agents, blocks.trials, blocks.d)
        first, second = (buffer[: blocks.agents].reshape(shape) for buffer in blocks.buffers)
        memory = Memory(
            (first, second),
            blocks.memory.buffers,
            blocks.buffers,
            blocks.lost,
            exchange.interior,
            exchange.border,
            turns.counts,
            turns.mine,
            exchange.near,
        )
        self._steps = FusedSteps(objective, points, batch, memory)
        self._times = times
        self._blocks = blocks
        self._mixer = mixer
        self._exchange = exchange

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
        done = self._steps(self._blocks.present, X, gamma, times)
        self._blocks.present ^= done.exchanges & 1
        self._mixer.stopwatch.lap(Activity.MIXING)
        self._mixer.stopwatch.move(done.local, Activity.MIXING, Activity.GRADIENT)
        waiting.seconds += done.waited
        self._mixer.waited += done.waited
        return done.exchanges

    def _finish(self) -> None:
        """Wait for others for as long as it takes, and make the exchange that was begun."""
        before = waiting.seconds
        self._exchange.finish()
        self._blocks.restore()
        self._mixer.waited += waiting.seconds - before
        self._mixer.stopwatch.lap(Activity.MIXING)


def update_of(
    objective: Objective, points: Points, batch: Integers, times: Integers, mixer: Mixer
) -> Update:
    """The update of a rank: in one kernel where that can be, or step by step."""
    if mixer.constant and isinstance(objective, CompiledObjective) and not points.sparse:
        return Fused(objective, points, batch, times, mixer, mixer.constant)
    return StepByStep(objective, points, batch, mixer, times)
