"""Linear systems of chains, dense where they are small."""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.sparse import csc_array

Floats = NDArray[np.float64]

LARGEST_DENSE = 600


def solve(matrix: "csc_array", right: Floats) -> Floats:
    """The solution of a system with several right-hand sides, shape (states, d)."""
    if matrix.shape[0] <= LARGEST_DENSE:
        return np.asarray(np.linalg.solve(matrix.toarray(), right))
    from scipy.sparse.linalg import splu

    return np.asarray(splu(matrix).solve(np.ascontiguousarray(right)))
