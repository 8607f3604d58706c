"""Whether a series is stationary, whatever its autocorrelation: tests at its lowest frequencies.

Where the spectrum is flat over a few neighbouring frequencies, ordinates there are independent
multiples of χ²_2, and one of them over the mean of q others has the law F(2, 2q),
P(F > x) = (1 + x/q)^−q (Brockwell and Davis, Time Series, section 10.3). So nothing need be known
of the autocorrelation but that it is short beside the series.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_SLOW = 2  # cosines of the slowest change: half a cycle over the series, and a whole one
_BESIDE = 16  # ordinates that one is compared with
_LEAKED = 1  # neighbours of a frequency into which a period between two of them leaks

SHORTEST = 4 * _BESIDE
"""Series of fewer values are not tested."""


class Tested(NamedTuple):
    """What was found of some series of one length.

    Attributes
    ----------
    drift
        Probability that a stationary series of this name changes as slowly and as much, shape
        (d,).
    season
        The same of its most striking period, among as many as were looked at, shape (d,).
    period
        That period, in values, shape (d,).
    """

    drift: Floats
    season: Floats
    period: Floats


def stationarity(x: Floats, shortest_period: float) -> Tested:
    """Test d series against a slow change of their mean, and against a season.

    A slow change is told by the first two cosines of the series, cos(πk (t + ½)/L), against the
    next ones (Müller and Watson, Econometrica 2008). A season is a periodogram ordinate above those
    around it, but for the nearest, at a frequency between two cycles in the series and 1 /
    ``shortest_period``. The probabilities are exact for Gaussian white noise, but for the nearness
    of ordinates, and hold for series that are long beside their autocorrelation: in
    ``tests/test_stationarity.py`` AR(1) with φ = 0.95 and 4,000 values.

    Parameters
    ----------
    x
        Shape (L, d); L is ``SHORTEST`` at least.
    """
    from scipy.fft import dct

    L, d = x.shape
    centred = x - x.mean(axis=0)
    power = dct(centred, axis=0)[1 : _SLOW + _BESIDE + 1] ** 2
    drift = _exceeded(power[:_SLOW].mean(axis=0), power[_SLOW:].reshape(-1, _SLOW, d).mean(axis=1))
    last = min(int(L / shortest_period), (L - 1) // 2)
    frequencies = np.arange(2, last + 1)
    if len(frequencies) == 0:
        return Tested(drift, np.ones(d), np.full(d, np.nan))
    ordinates = np.abs(np.fft.rfft(centred, axis=0)[1 : (L - 1) // 2 + 1]) ** 2
    chances = np.stack([_exceeded(ordinates[j - 1], _around(ordinates, j)) for j in frequencies])
    found = chances.argmin(axis=0)
    season = np.minimum(1, len(frequencies) * chances[found, np.arange(d)])
    return Tested(drift, season, L / frequencies[found])


def _around(ordinates: Floats, j: int) -> Floats:
    """The ordinates nearest to frequency j, which is row j − 1, but for those it leaks into."""
    farthest = _BESIDE + _LEAKED  # at either end all are on one side
    near = np.arange(max(1, j - farthest), min(len(ordinates), j + farthest) + 1)
    distance = np.abs(near - j)
    nearest = np.argsort(np.where(distance > _LEAKED, distance, np.inf), kind="stable")
    return ordinates[near[nearest[:_BESIDE]] - 1]


def _exceeded(one: Floats, others: Floats) -> Floats:
    """P(F ≥ what was found), shape (d,); 1 where nothing varies."""
    mean = others.mean(axis=0)
    ratio = np.divide(one, mean, out=np.where(one > 0, np.inf, 0.0), where=mean > 0)
    return np.asarray((1 + ratio / len(others)) ** -float(len(others)))
