"""Step sizes that deep learning uses, for which no limit theorem holds.

To add one, write its class and name it in ``AnyStepSize``.
"""

from typing import Annotated, Any

import numpy as np
from msgspec import Meta
from msgspec.structs import replace
from numpy.typing import NDArray

from udsgd_mpi.communication.intervals import AggregationTimes, Interval
from udsgd_mpi.theory.step_size import Offset, Polynomial, StepSize, check_offset

Floats = NDArray[np.float64]

Count = Annotated[int, Meta(ge=1, le=2**31 - 1)]
Fraction = Annotated[float, Meta(gt=0, le=1)]


class Constant(StepSize, frozen=True, tag="constant"):
    """γ_n = γ⋆."""

    def __call__(self, first: int, last: int) -> Floats:
        return np.full(max(0, last + 1 - first), self.gamma)

    @property
    def is_constant(self) -> bool:
        return True


class Step(StepSize, frozen=True, tag="step"):
    """γ_n = γ⋆ · factor^⌊(n − 1) / every⌋, as PyTorch's StepLR.

    Parameters
    ----------
    every
        Number of steps after which γ drops.
    factor
        By how much, in (0, 1].
    """

    every: Count = 1000
    factor: Fraction = 0.1

    def __call__(self, first: int, last: int) -> Floats:
        drops = np.arange(first - 1, last) // self.every
        return np.asarray(self.gamma * np.float64(self.factor) ** drops)


class Cosine(StepSize, frozen=True, tag="cosine"):
    """γ_n from γ⋆ along half a period of the cosine down to ``smallest``, where it stays.

    smallest + (γ⋆ − smallest)(1 + cos(π (n − 1) / last)) / 2, as PyTorch's CosineAnnealingLR, but
    for n > last (Loshchilov and Hutter, SGDR, ICLR 2017, without restarts).

    Parameters
    ----------
    smallest
        γ_n for n > last, from 0 to γ⋆.
    last
        The step at which the fall ends; by default that of the run, which results then hold: a run
        that is extended does not fall anew.
    """

    smallest: Annotated[float, Meta(ge=0, le=1e9)] = 0.0
    last: Count | None = None

    def __post_init__(self) -> None:
        if self.smallest > self.gamma:
            raise ValueError(
                f"expected smallest up to gamma = {self.gamma:g}, got {self.smallest:g}"
            )

    def __call__(self, first: int, last: int) -> Floats:
        if self.last is None:
            raise TypeError("a cosine without a last step is none yet; see completed")
        done = np.minimum(np.arange(first - 1, last) / self.last, 1.0)
        return self.smallest + (self.gamma - self.smallest) * (1 + np.cos(np.pi * done)) / 2


class ByRound(StepSize, frozen=True, tag="by_round"):
    """γ_n = γ⋆ / (r + r₀)^a in round r = 1, 2, …, which ends with the r-th aggregation.

    Parameters
    ----------
    exponent
        a in [0, 1].
    interval
        Steps of each round, as in ``communication``; by default its own. A round of ``hlsgd`` ends
        with an average over all.
    offset
        r₀ ≥ 0, in rounds, which makes the first ones smaller; see ``Polynomial``.
    """

    exponent: Annotated[float, Meta(ge=0, le=1)] = 1.0
    interval: Interval | None = None
    offset: Offset = 0.0

    def __post_init__(self) -> None:
        check_offset(self.offset, self.exponent)

    def __call__(self, first: int, last: int) -> Floats:
        if self.interval is None:
            raise TypeError("rounds without an interval are none yet; see completed")
        times = AggregationTimes(self.interval)
        ends, n = times.between(first - 1, last - 1), np.arange(first, last + 1)
        rounds = 1 + times.number(first - 1) + np.searchsorted(ends, n, side="left")
        return np.asarray(self.gamma / (rounds + self.offset) ** self.exponent)


AnyStepSize = Polynomial | Constant | Step | Cosine | ByRound


def completed(step_size: AnyStepSize, **of_run: Any) -> AnyStepSize:
    """With what the run has for settings that were left open."""
    left_open = {
        name: value for name, value in of_run.items() if getattr(step_size, name, "") is None
    }
    return replace(step_size, **left_open)
