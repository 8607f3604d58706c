"""Why an error is not predicted although it was looked at: few trials make most of it."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_MOST = 0.8  # of a mean


def why_withheld(
    squares: Floats, error: Floats, steps: NDArray[np.int64], holds: NDArray[np.bool_]
) -> str | None:
    """The reason, with numbers of the last step at which it holds; None where there is none.

    Parameters
    ----------
    squares
        Squared errors along followed trials, shape (steps, trials).
    error
        Relative standard error of their mean, shape (steps,).
    steps
        The n.
    holds
        Where the mean is promised, shape (steps,).
    """
    if holds.all():
        return None
    lacking = np.flatnonzero(~holds)
    row, first = lacking[-1], int(steps[lacking[0]])
    n = int(steps[row])
    where = f"at n = {n:,}" if n == first else f"from n = {first:,} to {n:,}"
    of_all = f"of {squares.shape[1]:,} trials that were followed"
    descending = np.sort(squares[row])[::-1]
    if not np.isfinite(descending).all():
        some = int((~np.isfinite(descending)).sum())
        return f"{where}: {some:,} {of_all} explode beyond all numbers; {_REMEDY}"
    shares = descending.cumsum() / descending.sum()
    some = int(np.searchsorted(shares, _MOST)) + 1
    times = descending[0] / max(np.median(descending), np.finfo(np.float64).tiny)
    return (
        f"{where}: {some:,} {of_all} make {shares[some - 1]:.0%} of their mean squared error, the"
        f" largest is {times:.1g} times the median, and the mean is not known to better than"
        f" {error[row]:.0%}; {_REMEDY}"
    )


_REMEDY = 'make the first steps smaller (step_size.gamma), or use weight = "none"'
