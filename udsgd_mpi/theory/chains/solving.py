"""Linear systems of chains, dense where they are small."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.sparse import csc_array

Floats = NDArray[np.float64]

LARGEST_DENSE = 600


def solve(matrix: "csc_array", right: Floats) -> Floats:
    """The solution of a system with several right-hand sides, shape (states, d)."""
    return solver(matrix)(right)


def solver(matrix: "csc_array") -> Callable[[Floats], Floats]:
    """Solves the system again and again; it is factorised once."""
    if matrix.shape[0] <= LARGEST_DENSE:
        from scipy.linalg import lu_factor, lu_solve

        dense = lu_factor(matrix.toarray())
        return lambda right: np.asarray(lu_solve(dense, right))
    from scipy.sparse.linalg import splu

    sparse = splu(matrix)
    return lambda right: np.asarray(sparse.solve(np.ascontiguousarray(right)))
