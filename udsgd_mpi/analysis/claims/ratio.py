"""Ratios of mean errors over trials, with their uncertainty."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Scores(NamedTuple):
    """One error for each trial, and which trials these are; both of shape (trials,)."""

    values: Floats
    trials: NDArray[np.int64]


class LogRatio(NamedTuple):
    """Logarithm of a ratio of means, by the delta method.

    Attributes
    ----------
    error
        Standard error of ``value``.
    freedom
        Degrees of freedom of Student's t that (value − truth) / error follows about.
    trials
        Number of trials of the mean that has more.
    floor
        The part of ``error`` that no number of trials takes away.
    """

    value: float
    error: float
    freedom: float
    trials: int
    floor: float = 0.0

    def interval(self, tail: float) -> tuple[float, float]:
        """The ratio's confidence interval with a probability ``tail`` beyond each end."""
        from scipy.special import stdtrit

        reach = -float(stdtrit(self.freedom, tail)) * self.error
        return float(np.exp(self.value - reach)), float(np.exp(self.value + reach))

    def trials_for(self, distance: float, tail: float, miss: float) -> float:
        """Trials of each mean with which the interval ends short of a bound.

        Parameters
        ----------
        distance
            Of the true value from the bound.
        tail
            Of the interval.
        miss
            Probability with which the interval's end is allowed to reach the bound.

        Returns
        -------
        float
            The number for errors that spread as these do, by the normal distribution; infinite
            where ``floor`` alone is too much, or the ratio is not known.
        """
        from scipy.special import ndtri

        allowed = distance / -float(ndtri(tail) + ndtri(miss))
        if not allowed > self.floor:
            return np.inf
        return float(self.trials * (self.error**2 - self.floor**2) / (allowed**2 - self.floor**2))


UNKNOWN = LogRatio(np.nan, np.nan, np.nan, 0, np.nan)
"""A ratio to what is not known."""


def ratio(upper: Scores, lower: Scores) -> LogRatio:
    """Mean of ``upper`` over that of ``lower``.

    The same trial draws the same numbers for the same sampler of the same agent, whatever the
    variant; so trials are paired where both variants have the same ones, which is right whether
    the errors go together or not. Otherwise by Welch's approximation.
    """
    a, b = (scores.values / scores.values.mean() for scores in (upper, lower))
    value = float(np.log(upper.values.mean() / lower.values.mean()))
    if np.array_equal(upper.trials, lower.trials):
        return LogRatio(value, float((a - b).std(ddof=1) / np.sqrt(len(a))), len(a) - 1, len(a))
    error, freedom = _welch([(each.var(ddof=1) / len(each), len(each) - 1) for each in (a, b)])
    return LogRatio(value, error, freedom, max(len(a), len(b)))


def ratio_to_number(scores: Scores, number: float, error: float) -> LogRatio:
    """Mean of ``scores`` over a number with a standard error."""
    a = scores.values / scores.values.mean()
    floor = error / number
    combined = _welch([(a.var(ddof=1) / len(a), len(a) - 1), (floor**2, np.inf)])
    return LogRatio(float(np.log(scores.values.mean() / number)), *combined, len(a), floor)


def _welch(parts: list[tuple[float, float]]) -> tuple[float, float]:
    """Standard error and degrees of freedom of a difference, from (variance, freedom) of each."""
    variance = sum(variance for variance, _ in parts)
    spread = sum(variance**2 / freedom for variance, freedom in parts)
    return float(np.sqrt(variance)), variance**2 / spread if spread > 0 else np.inf
