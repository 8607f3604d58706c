"""Exchanges that take longer than they gain.

They take three times as long as all else, or longer, even for the rank that waits for others least;
and agents disagree so little that rarer exchanges would hardly add to the error. On the
virtual clock what agents wait for slow ones is left out: it is at most what they would wait if all
waited for all. Under falling steps the limit does not depend on the interval (paper, Theorem 3.3).
"""

from itertools import islice
from math import ceil

import numpy as np

from udsgd_mpi.analysis.signs.evidence import Evidence, Trouble
from udsgd_mpi.clock import computing_times
from udsgd_mpi.communication.intervals import AggregationTimes, Interval
from udsgd_mpi.experiment.timing import computing_of
from udsgd_mpi.storage.measured import Measured

_LARGE = 0.75
_AIM = 0.2
_SECONDS = 5.0  # of a rank, at least: shorter runs are mostly about starting
_LOOKED_AT = 1000  # steps of the virtual clock
_HARMLESS = 0.1  # of the error
_ROUNDING = 1e-12
_SETTINGS = "interval", "inner", "outer"  # of patterns


def exchanges(of: Evidence) -> Trouble | None:
    """The share of the time, and the interval with which it is a fifth."""
    if len(of.measured.samplers) < 2:
        return None
    measured_share, simulated_share = _of_ranks(of), _of_clock(of)
    share = max(measured_share, simulated_share)
    if share < _LARGE:
        return None
    interval = _mean_interval(of)
    wanted = interval * share / (1 - share) * (1 - _AIM) / _AIM
    most = interval * _stretch(of.measured)
    better = ceil(min(wanted, most))
    if better < 2 * interval:
        return None
    then = share / (1 - share) * interval / better
    left = then / (1 + then)
    where = "on the virtual clock" if simulated_share >= measured_share else "of every rank's time"
    often = "at every step" if interval == 1 else f"once in {interval:.3g} steps"
    return Trouble(
        "exchanges",
        [],
        f"exchanges take {share:.0%} {where}, {often}; agents disagree too little for that to gain"
        " much",
        f"use {_rarer(of, better / interval)}: exchanges then take about {left:.0%}; udsgd plan"
        " --intervals weighs that against the error",
        {"share": share, "interval": interval, "better_interval": float(better), "left": left},
    )


def _of_ranks(of: Evidence) -> float:
    """Share of waiting of the rank that waits least; 0 of one rank, and of short runs."""
    rows = of.telemetry
    ranks = {row.rank for row in rows}
    if len(ranks) < 2 or min(row.seconds for row in rows) < _SECONDS:
        return 0.0
    return min(row.waiting / row.seconds for row in rows)


def _of_clock(of: Evidence) -> float:
    """Share of links in simulated time, at least; 0 where none was simulated."""
    seconds, groups = of.measured.simulated_time, of.measured.groups
    laws = computing_of(of.experiment, groups)
    if seconds is None or laws is None or not seconds[-1].max() > 0:
        return 0.0
    steps = int(min(of.measured.step[-1], _LOOKED_AT))
    durations = computing_times(dict(enumerate(laws)), of.experiment.seed)
    taken = np.array([each.copy() for each in islice(durations, steps)])
    times = AggregationTimes(_interval(of)).between(0, steps)
    ends = np.unique([*times.tolist(), steps])
    barriers = [part.sum(axis=0).max() for part in np.split(taken, ends[:-1])]
    a_step = float(np.sum(barriers)) / steps
    return 1 - a_step * int(of.measured.step[-1]) / float(seconds[-1].max())


def _intervals(of: Evidence) -> dict[str, Interval]:
    """Settings that say how often agents exchange, the shortest interval first."""
    pattern = of.experiment.communication
    return {key: getattr(pattern, key) for key in _SETTINGS if key in pattern.__struct_fields__}


def _interval(of: Evidence) -> Interval:
    return next(iter(_intervals(of).values()), 1)


def _rarer(of: Evidence, times: float) -> str:
    """The settings with which agents exchange so many times more rarely."""
    settings = _intervals(of)
    if not settings:
        return f"a pattern with an interval of {ceil(times):,} steps"
    last = int(of.measured.step[-1])
    return ", ".join(
        f"communication.{key} = {round(times * last / max(1, AggregationTimes(K).number(last))):,}"
        for key, K in settings.items()
    )


def _mean_interval(of: Evidence) -> float:
    last = int(of.measured.step[-1])
    return last / max(1, AggregationTimes(_interval(of)).number(last))


def _stretch(measured: Measured) -> float:
    """How many times longer intervals may be: disagreement grows like their square at most."""
    consensus = float(measured.measure("consensus_error")[-1].mean())
    if "squared_error" not in measured.measures:
        return np.inf
    error = float(measured.measure("squared_error")[-1].mean())
    if consensus <= _ROUNDING * error:  # recorded where all have just been averaged
        return np.inf
    return float(np.sqrt(_HARMLESS * error / consensus))
