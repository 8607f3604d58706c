"""Means over trials, and whether their standard errors can be believed.

A few trials that explode in their first steps can make nearly all of a mean square. Then its
standard error is made by as few, and says nothing of those that did not happen to be among them.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_FEWEST = 5  # trials that have to make a spread
_NEGLIGIBLE = 0.15  # error, of the mean, that is promised whoever makes it


class MeanOverTrials(NamedTuple):
    """A mean over trials.

    Attributes
    ----------
    mean
        Shape (steps,).
    error
        Its standard error, shape (steps,); larger by √(5/m) where m < 5 trials make the spread.
    effective
        How many trials make the spread, (Σ r²)² / Σ r⁴ of their deviations r, shape (steps,): all
        of them where these are of one size, 1 where one is far larger than all others, and a third
        where they are Gaussian.
    """

    mean: Floats
    error: Floats
    effective: Floats

    @classmethod
    def of(cls, values: Floats) -> "MeanOverTrials":
        """The plain mean of ``values`` (steps, trials)."""
        mean = values.mean(axis=1)
        error, effective = _spread(values - mean[:, None], 1)
        return cls(mean, error, effective)

    @classmethod
    def controlled(
        cls, values: Floats, control: Floats, expected: Floats, error: Floats
    ) -> "MeanOverTrials":
        """The mean of values of which a control variate is known better.

        With the coefficient that makes the error least (Lavenberg and Welch, A perspective on the
        use of control variables, 1981), the error of the control's expectation included. Where the
        control is beyond all numbers it is left out.

        Parameters
        ----------
        values, control
            Shape (steps, trials).
        expected, error
            Expectation of ``control`` and its standard error, shape (steps,).
        """
        trials = values.shape[1]
        finite = np.isfinite(control).all(axis=1) & np.isfinite(expected) & np.isfinite(error)
        control = np.where(finite[:, None], control, 0)
        expected, error = (np.where(finite, each, 0) for each in (expected, error))
        means = values.mean(axis=1), control.mean(axis=1)
        value, linear = values - means[0][:, None], control - means[1][:, None]
        largest = np.maximum(abs(linear).max(axis=1), error)
        unit = np.where(largest > 0, largest, 1)  # of the control, whose square may overflow
        spread = ((linear / unit[:, None]) ** 2).sum(axis=1)
        spread += trials * (trials - 1) * (error / unit) ** 2
        shared = (value * (linear / unit[:, None])).sum(axis=1)
        coefficient = shared / np.where(spread > 0, spread, 1) / unit
        of_rest, effective = _spread(value - coefficient[:, None] * linear, 2)
        corrected = means[0] - coefficient * (means[1] - expected)
        return cls(corrected, np.hypot(of_rest, coefficient * error), effective)

    @classmethod
    def exactly(cls, mean: Floats, error: Floats) -> "MeanOverTrials":
        """A mean with a standard error that is known."""
        return cls(mean, error, np.full(len(mean), np.inf))

    def on(self, rows: NDArray[np.bool_]) -> "MeanOverTrials":
        """The same on some of more steps, and NaN on the others."""
        spread = np.full((3, len(rows)), np.nan)
        spread[:, rows] = self
        return MeanOverTrials(*spread)

    @property
    def promised(self) -> "MeanOverTrials":
        """The same where it holds, and NaN where it does not."""
        mean, error = (np.where(self.holds, each, np.nan) for each in (self.mean, self.error))
        return MeanOverTrials(mean, error, self.effective)

    @property
    def relative_error(self) -> Floats:
        """Standard error over the mean, shape (steps,); 0 of a mean that is 0."""
        return np.asarray(self.error / np.where(self.mean != 0, abs(self.mean), np.inf))

    @property
    def holds(self) -> NDArray[np.bool_]:
        """Whether the mean is known as well as its error says, shape (steps,)."""
        enough = self.effective >= _FEWEST
        return np.isfinite(self.mean) & (enough | (self.relative_error <= _NEGLIGIBLE))


def _spread(deviations: Floats, fitted: int) -> tuple[Floats, Floats]:
    """Standard error of a mean and how many trials make it, from deviations (steps, trials).

    Parameters
    ----------
    fitted
        How many numbers were fitted at each step, the mean among them.
    """
    trials = deviations.shape[1]
    largest = abs(deviations).max(axis=1)  # whose square may be beyond all numbers
    squares = (deviations / np.where(largest > 0, largest, 1)[:, None]) ** 2
    total, of_fourth = squares.sum(axis=1), (squares**2).sum(axis=1)
    effective = np.where(total > 0, total**2 / np.where(total > 0, of_fourth, 1), trials)
    of_few = np.maximum(1, _FEWEST / effective)
    return largest * np.sqrt(total * of_few / (trials * (trials - fitted))), effective
