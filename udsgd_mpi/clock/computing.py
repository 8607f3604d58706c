"""How long a local step takes an agent."""

from collections.abc import Iterator, Mapping
from itertools import count
from typing import Annotated

import numpy as np
from msgspec import Meta, Struct
from numpy.typing import NDArray

from udsgd_mpi.kernels.random_numbers import Purpose, random_bits

Floats = NDArray[np.float64]
Seconds = Annotated[float, Meta(gt=0, le=1e9)]

_BLOCK = 1024


class Computing(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind"):
    """A law of computing times; subclasses are listed in the registry.

    Parameters
    ----------
    mean
        Seconds a step; by default the unit of time is an agent's mean step.
    """

    mean: Seconds = 1.0

    def seconds(self, u: Floats) -> Floats:
        """Quantiles of the law at ``u`` in [0, 1), in seconds, of the same shape."""
        raise NotImplementedError


class Constant(Computing, frozen=True, tag="constant"):
    """Every step takes ``mean``."""

    def seconds(self, u: Floats) -> Floats:
        return np.full_like(u, self.mean)


class Exponential(Computing, frozen=True, tag="exponential"):
    """Exponentially distributed: P(> t) = exp(−t / mean)."""

    def seconds(self, u: Floats) -> Floats:
        return -self.mean * np.log1p(-u)


class Pareto(Computing, frozen=True, tag="pareto"):
    """Stragglers: P(> t) = (m / t)^shape for t ≥ m, with m = mean (shape − 1) / shape.

    Parameters
    ----------
    shape
        Tail exponent, above 1; up to 2 the variance is infinite.
    """

    shape: Annotated[float, Meta(gt=1, le=1e9)] = 2.0

    def seconds(self, u: Floats) -> Floats:
        least = self.mean * (self.shape - 1) / self.shape
        return np.asarray(least * (1 - u) ** (-1 / self.shape))


def computing_times(laws: Mapping[int, Computing], seed: int, n: int = 0) -> Iterator[Floats]:
    """Seconds that steps n + 1, n + 2, … take some agents, shape (agents,) each.

    Each is a function of (seed, agent, step).
    """
    bits = np.empty((_BLOCK, 1), dtype=np.uint64)
    block = np.empty((_BLOCK, len(laws)))
    for start in count(n, _BLOCK):
        for k, (agent, law) in enumerate(laws.items()):
            random_bits(seed, Purpose.COMPUTING, agent, 0, start, bits)
            u: Floats = (bits[:, 0] >> np.uint64(11)) * np.float64(2.0**-53)
            block[:, k] = law.seconds(u)
        yield from block
