"""Means over trials with their standard errors."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Estimate(NamedTuple):
    """Mean over trials and its standard error, for each step."""

    mean: Floats
    error: Floats


class Ratio(NamedTuple):
    """A ratio of a mean over trials to a number, with a 95 % interval."""

    value: float
    low: float
    high: float


def ratio_to(values: Floats, number: float, resamples: int = 2000) -> Ratio:
    """Mean of ``values`` (trials,) over a number, with the percentile bootstrap over trials."""
    rng = np.random.default_rng(len(values))  # fixed, so that reports are reproducible
    chosen = rng.integers(len(values), size=(resamples, len(values)))
    low, high = np.percentile(values[chosen].mean(axis=1), [2.5, 97.5])
    return Ratio(float(values.mean() / number), float(low / number), float(high / number))


def over_trials(values: Floats) -> Estimate:
    """Mean and standard error of ``values`` (steps, trials); NaN errors for a single trial."""
    trials = values.shape[-1]
    if trials == 1:
        return Estimate(values[..., 0], np.full(values.shape[:-1], np.nan))
    return Estimate(values.mean(axis=-1), values.std(axis=-1, ddof=1) / np.sqrt(trials))
