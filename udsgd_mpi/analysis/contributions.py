"""What each agent adds to the error in the long run, and what correlated draws make of it."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.storage.measured import Measured

Floats = NDArray[np.float64]

_FORGOTTEN = 5  # time constants
_NEAR = 1.25  # times the limit


class Contributions(NamedTuple):
    """What agents add to the floor: γ_n Tr V, or the variance under a constant step.

    Attributes
    ----------
    symbol
        What they add up to, without its step size.
    own
        Shape (agents,).
    independent
        The same of independent draws, shape (agents,); None where the file does not hold it.
    scale
        Of what they add up to: γ_n at the last step, or 1 under a constant step.
    reached
        Whether the last step is late enough for the error to be there.
    """

    symbol: str
    own: Floats
    independent: Floats | None
    scale: float
    reached: bool

    @property
    def floor(self) -> float:
        """The error at the last step once the start is forgotten."""
        return self.scale * float(self.own.sum())

    @property
    def correlation(self) -> Floats:
        """By how much agents add more than with independent draws, shape (agents,); NaN: unknown.

        For H = I it is the autocorrelation time of the sampled gradients.
        """
        if self.independent is None:
            return np.full(len(self.own), np.nan)
        unknown = np.full(len(self.own), np.nan)
        return np.asarray(
            np.divide(self.own, self.independent, out=unknown, where=self.independent > 0)
        )


def contributions(measured: Measured) -> Contributions | None:
    """Those of a variant; None where theory tells none."""
    traces, predicted = _known(measured.agent_traces), measured.predicted_mse
    if traces is not None:
        gamma = float(measured.step_size[-1])
        limit = gamma * float(traces.sum())
        reached = predicted is not None and bool(predicted[-1] <= _NEAR * limit)
        return Contributions("Tr V", traces, _known(measured.independent_traces), gamma, reached)
    own = _known(measured.stationary_variances)
    if own is None:
        return None
    reached = bool(measured.step[-1] >= _FORGOTTEN * measured.time_constant)
    independent = _known(measured.independent_variances)
    return Contributions("stationary variance", own, independent, 1.0, reached)


def _known(values: Floats | None) -> Floats | None:
    return None if values is None or not np.isfinite(values).all() else values
