"""Why an error is not predicted although it was looked at: few trials make most of it."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.experiment.schema import Experiment
from udsgd_mpi.forecast.overshooting import Overshooting
from udsgd_mpi.methods.step_sizes import ByRound
from udsgd_mpi.support.agent_lists import in_words
from udsgd_mpi.theory.step_size import Polynomial

Floats = NDArray[np.float64]

_MOST = 0.8  # of a mean


def why_withheld(
    experiment: Experiment,
    too_large: Sequence[Overshooting],
    squares: Floats,
    error: Floats,
    steps: NDArray[np.int64],
    holds: NDArray[np.bool_],
) -> str:
    """The reason, with numbers of the last step at which it holds.

    Parameters
    ----------
    experiment
        Whose settings can be changed.
    too_large
        The agents whose first steps overshoot.
    squares
        Squared errors along followed trials, shape (steps, trials).
    error
        Relative standard error of their mean, shape (steps,).
    steps
        The n.
    holds
        Where the mean is promised, shape (steps,); not everywhere.
    """
    lacking = np.flatnonzero(~holds)
    row, first = lacking[-1], int(steps[lacking[0]])
    n = int(steps[row])
    where = f"at n = {n:,}" if n == first else f"from n = {first:,} to {n:,}"
    why = f"{_named(too_large)}; {_remedy(experiment)}"
    of_all = f"of {squares.shape[1]:,} trials that were followed"
    descending = np.sort(squares[row])[::-1]
    if not np.isfinite(descending).all():
        some = int((~np.isfinite(descending)).sum())
        return f"{where}: {some:,} {of_all} explode beyond all numbers{why}"
    shares = descending.cumsum() / descending.sum()
    some = int(np.searchsorted(shares, _MOST)) + 1
    times = descending[0] / max(np.median(descending), np.finfo(np.float64).tiny)
    return (
        f"{where}: {some:,} {of_all} make {shares[some - 1]:.0%} of their mean squared error, the"
        f" largest is {times:.1g} times the median, and the mean is not known to better than"
        f" {error[row]:.0%}{why}"
    )


def _named(too_large: Sequence[Overshooting]) -> str:
    if not too_large:
        return ""
    worst = max(too_large, key=lambda each: each.factor / each.bound)
    agents = in_words([each.agent for each in too_large])
    largest = f"γ₁wλ = {worst.factor:.3g} > {worst.bound:.3g}"
    where = f"at point {worst.point} of agent {worst.agent}"
    return f"; first steps of {agents} overshoot: at most {largest} {where}"


def _remedy(experiment: Experiment) -> str:
    settings = ["step_size.gamma"]
    if isinstance(experiment.step_size, Polynomial | ByRound) and experiment.step_size.exponent > 0:
        settings.append("step_size.offset")
    if experiment.communication.compression:
        settings.append("communication.compression.consensus_step")
    smaller = f"make the first steps smaller ({', '.join(settings)})"
    return smaller if experiment.weight == "none" else f'{smaller}, or use weight = "none"'
