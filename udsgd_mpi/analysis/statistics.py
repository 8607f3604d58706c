"""Means over trials with their standard errors."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Estimate(NamedTuple):
    """Mean over trials and its standard error, for each step."""

    mean: Floats
    error: Floats


def over_trials(values: Floats) -> Estimate:
    """Mean and standard error of ``values`` (steps, trials); NaN errors for a single trial."""
    trials = values.shape[-1]
    if trials == 1:
        return Estimate(values[..., 0], np.full(values.shape[:-1], np.nan))
    return Estimate(values.mean(axis=-1), values.std(axis=-1, ddof=1) / np.sqrt(trials))
