"""The probability that a path visits certain points in its first steps.

Each point x counts for its own number of first steps, ``last`` of shape (points,): what is meant
are the paths with X_k = x for some x and some k < last[x], from X_0 on.
"""

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.theory.chains import Chain

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


def of_independent_draws(last: Integers) -> float:
    """Of draws from the uniform law."""
    counting = np.bincount(last, minlength=1)[::-1].cumsum()[::-1][1:]  # at steps 0, 1, …
    return float(1 - np.prod(1 - counting / len(last)))


def of_a_permutation(last: Integers) -> float:
    """Of a uniform permutation of the points; what comes after it visits all of them again."""
    # Those that count longest are placed first, each on one of the free places where it does not.
    placed = np.arange(len(last))
    free = np.maximum(0, len(last) - np.sort(last)[::-1] - placed)
    return float(1 - np.prod(free / (len(last) - placed)))


def of_chain(chain: Chain, last: Integers) -> float:
    """Of a chain with X_0 uniform on the points, by the powers of P without those points."""
    masses = chain.first_step(np.where(last > 0, 0, 1 / len(last)))
    on_states = chain.lift(last.astype(np.float64))
    for k in range(1, int(last.max(initial=0))):
        masses = chain.step(np.where(on_states > k, 0, masses))
    return float(1 - masses.sum())


def of_paths(X: NDArray[np.int32], last: Integers) -> tuple[float, float]:
    """Of sampled paths, shape (steps, paths): the share of them, and its standard error."""
    share = float((np.arange(len(X))[:, None] < last[X]).any(axis=0).mean())
    return share, float(np.sqrt(share * (1 - share) / X.shape[1]))
