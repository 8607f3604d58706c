"""The update of a rank with its exchanges in one kernel, where that can be."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.engine.fused_steps import FusedSteps
from udsgd_mpi.engine.iterates import THETA
from udsgd_mpi.engine.local_steps import LocalSteps
from udsgd_mpi.engine.pausing import Descent, pausing
from udsgd_mpi.engine.sgd import StepByStep, Update
from udsgd_mpi.parallel.exchanges import SparseExchange
from udsgd_mpi.parallel.mixing import Mixer
from udsgd_mpi.support.meter import Activity

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class Fused:
    """The update with exchanges that need no message.

    Parameters
    ----------
    steps
        The local ones.
    mixer
        Of these exchanges; its meter learns what they take.
    exchanges
        One for each form of W; where links are drawn, the only one.
    """

    def __init__(
        self,
        steps: LocalSteps,
        mixer: Mixer,
        exchanges: Sequence[SparseExchange],
    ) -> None:
        self._exchanges = exchanges
        self._steps = FusedSteps(
            steps,
            exchanges[0].near,
            [exchange.interior for exchange in exchanges],
            [exchange.border for exchange in exchanges],
            exchanges[0].links,
        )
        self._mixed = steps.iterates.mixed[THETA]
        self._schedule = mixer.schedule
        self._meter = mixer.meter

    def __call__(self, n: int, X: NDArray[np.int32], gamma: Floats) -> None:
        schedule, m = self._schedule, n + len(X)
        times, number = schedule.times(n, m) - n, schedule.count(n)
        which = schedule.order(n, m)
        start, exchanges = 0, 0
        while True:
            late = exchanges + self._run(
                n + start,
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
            self._meter.sent(*exchange.traffic, int(np.count_nonzero(which == w)))

    def _run(
        self,
        n: int,
        X: NDArray[np.int32],
        gamma: Floats,
        times: Integers,
        which: Integers,
        number: int,
    ) -> int:
        """How many exchanges were made before one for which others were too late."""
        done = self._steps(n, X, gamma, times, which, number)
        self._mixed.swap(done.exchanges)
        self._meter.lap(Activity.MIXING)
        self._meter.move(done.local, Activity.MIXING, Activity.GRADIENT)
        self._meter.move(done.waited, Activity.MIXING, Activity.WAITING)
        self._meter.sent(done.messages, done.rows * self._mixed.row_bytes)
        return done.exchanges

    def _finish(self, exchange: SparseExchange) -> None:
        """Wait for others as long as it takes, and complete the exchange that was begun."""
        exchange.finish()
        self._mixed.restore()
        self._meter.lap(Activity.MIXING)


def update_of(steps: LocalSteps, mixers: Sequence[Mixer], descend: Descent | None = None) -> Update:
    """The update of a rank's iterates: in one kernel where that can be, or step by step.

    Parameters
    ----------
    mixers
        One for each array that W mixes.
    descend
        Takes the local steps where they are no kernel's; by default ``steps``.
    """
    mixer, *others = mixers
    schedule = mixer.schedule
    whole = steps.compiled and not steps.settles and not others and not schedule.pauses
    if whole and (exchanges := mixer.in_memory):
        return Fused(steps, mixer, exchanges)
    theta = steps.iterates.mixed[THETA]
    hosted = theta.layout.hosted(theta.rank)
    descend = pausing(descend or steps, steps.iterates, schedule, hosted)
    return StepByStep(descend, w_of(mixers, steps), schedule.times)


def w_of(mixers: Sequence[Mixer], steps: LocalSteps | None = None) -> Callable[[int], None]:
    """W of all arrays that are mixed, a function of n.

    Parameters
    ----------
    steps
        Do what the method does before and after an aggregation.
    """

    def mix(n: int) -> None:
        for mixer in mixers:
            mixer(n)

    if steps is None or not steps.settles:
        return mix
    schedule = mixers[0].schedule

    def mix_and_settle(n: int) -> None:
        aggregates = schedule.aggregates(n)
        if aggregates:
            steps.prepare()
        mix(n)
        if aggregates:
            steps.settle()

    return mix_and_settle
