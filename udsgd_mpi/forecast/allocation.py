"""How many paths to sample of each agent."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_MOST = 16  # times as many
_WORTH_IT = 2


def allocation(paths: NDArray[np.int64], errors: Floats, tolerance: float) -> NDArray[np.int64]:
    """Numbers of paths with which a sum over agents is known well enough.

    In proportion to the spread of each agent's term (Neyman 1934), since a few slow walks may make
    most of the error. Those that need less than twice what they had keep it.

    Parameters
    ----------
    paths
        Numbers of paths so far, shape (agents,).
    errors
        Standard errors of the terms by these, shape (agents,).
    tolerance
        Standard error that the sum may have.
    """
    if np.sqrt((errors**2).sum()) <= tolerance:
        return paths
    spread = errors * np.sqrt(paths)
    enough = np.ceil(spread * spread.sum() / tolerance**2).astype(np.int64)
    return np.where(enough >= _WORTH_IT * paths, np.minimum(enough, _MOST * paths), paths)
