"""The update of a rank with its exchanges in one kernel, where that can be."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.communication import Recurring
from udsgd_mpi.engine.fused_steps import FusedSteps, Memory
from udsgd_mpi.engine.sgd import StepByStep, Update
from udsgd_mpi.objectives import CompiledObjective, Objective, Points
from udsgd_mpi.parallel.blocks import Sent
from udsgd_mpi.parallel.link_mixing import LinkMixing
from udsgd_mpi.parallel.mixing import Mixer
from udsgd_mpi.parallel.neighbours import NeighbourMixing, SparseMixing
from udsgd_mpi.parallel.waiting import waiting
from udsgd_mpi.support.stopwatch import Activity

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class Fused:
    """The update with exchanges that need no message.

    Parameters
    ----------
    batch
        Number of points in a mini-batch of each agent, shape (agents,).
    mixer
        Counts and times what carrying W out takes.
    exchanges
        Carry it out: one for each W that comes back, or one for links that are drawn.
    """

    def __init__(
        self,
        objective: CompiledObjective,
        points: Points,
        batch: Integers,
        mixer: Mixer,
        exchanges: Sequence[NeighbourMixing] | LinkMixing,
    ) -> None:
        blocks, counters = mixer.blocks, mixer.blocks.memory.counters
        shape = (blocks.agents, blocks.trials, blocks.d)
        first, second = (buffer[: blocks.agents].reshape(shape) for buffer in blocks.buffers)
        links = exchanges.plan if isinstance(exchanges, LinkMixing) else None
        self._exchanges: Sequence[SparseMixing] = (
            [exchanges] if isinstance(exchanges, LinkMixing) else exchanges
        )
        memory = Memory(
            (first, second),
            blocks.memory.buffers,
            blocks.buffers,
            blocks.lost,
            counters.counts,
            counters.mine,
            self._exchanges[0].near,
        )
        self._steps = FusedSteps(
            objective,
            points,
            batch,
            memory,
            [exchange.interior for exchange in self._exchanges],
            [exchange.border for exchange in self._exchanges],
            links,
        )
        self._blocks = blocks
        self._mixer = mixer

    def __call__(self, n: int, theta: Floats, X: NDArray[np.int32], gamma: Floats) -> Floats:
        """θ_m in the present buffer of the blocks, shape (agents, trials, d)."""
        schedule, m = self._mixer.schedule, n + len(X)
        times, number = schedule.times(n, m) - n, schedule.count(n)
        which = np.zeros(len(times), dtype=np.int64)
        if isinstance(schedule, Recurring):
            which = schedule.order(n, m)
        start, exchanges = 0, 0
        while True:
            late = exchanges + self._run(
                X[start:],
                gamma[start:],
                times[exchanges:] - start,
                which[exchanges:],
                number + exchanges,
            )
            if late == len(times):
                break
            self._finish(self._exchanges[which[late]])
            start, exchanges = int(times[late]), late + 1
        for w, exchange in enumerate(self._exchanges):
            if isinstance(exchange, NeighbourMixing):
                self._mixer.count(exchange.sent, int(np.count_nonzero(which == w)))
        return self._blocks.theta

    def _run(
        self,
        X: NDArray[np.int32],
        gamma: Floats,
        times: Integers,
        which: Integers,
        number: int,
    ) -> int:
        """How many exchanges were made before one for which others were too late."""
        done = self._steps(self._blocks.present, X, gamma, times, which, number)
        self._blocks.present ^= done.exchanges & 1
        self._mixer.stopwatch.lap(Activity.MIXING)
        self._mixer.stopwatch.move(done.local, Activity.MIXING, Activity.GRADIENT)
        self._mixer.count(Sent(done.messages, done.rows * self._blocks.row_bytes))
        waiting.seconds += done.waited
        self._mixer.waited += done.waited
        return done.exchanges

    def _finish(self, exchange: SparseMixing) -> None:
        """Wait for others for as long as it takes, and make the exchange that was begun."""
        before = waiting.seconds
        exchange.finish()
        self._blocks.restore()
        self._mixer.waited += waiting.seconds - before
        self._mixer.stopwatch.lap(Activity.MIXING)


def update_of(objective: Objective, points: Points, batch: Integers, mixer: Mixer) -> Update:
    """The update of a rank: in one kernel where that can be, or step by step."""
    exchanges = mixer.in_memory
    if exchanges and isinstance(objective, CompiledObjective) and not points.sparse:
        return Fused(objective, points, batch, mixer, exchanges)
    return StepByStep(objective, points, batch, mixer, mixer.schedule.times)
