"""Features of points: an array, or SciPy's CSR array where there are many and most are 0.

Those of images are their pixels, of 8 bits, where an objective reads images.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Floats = NDArray[np.float64]
Features: TypeAlias = "Floats | NDArray[np.uint8] | csr_array"
Selection: TypeAlias = "NDArray[np.integer] | slice"

# A row of so few features is short whatever is in it, and kernels are fastest on arrays.
_FEW = 1000
_MOST_OF_THEM = 0.1  # share of features that are not 0, up to which CSR arrays take less


def is_sparse(features: Features) -> bool:
    """Whether they are held by those that are not 0."""
    return not isinstance(features, np.ndarray)


def worth_holding_sparsely(columns: int, rows: int, nonzeros: int) -> bool:
    """Whether this many nonzeros are few enough; the same for all agents of a problem."""
    return columns > _FEW and nonzeros <= _MOST_OF_THEM * rows * columns


def stacked(parts: Sequence[Features]) -> Features:
    """All rows of all parts, one part after the other."""
    if not any(map(is_sparse, parts)):
        return np.concatenate([*parts])
    from scipy.sparse import vstack

    return vstack(parts, format="csr")


def dense_rows(features: Features, rows: Selection) -> Floats:
    """Some rows, as an array."""
    some = features[rows]
    return np.asarray(some if isinstance(some, np.ndarray) else some.toarray())


def widened(features: Features, columns: int, *, sparse: bool) -> Features:
    """Padded with columns of zeros to this many; dense or sparse."""
    if not sparse:
        dense = dense_rows(features, slice(None))
        return np.pad(dense, ((0, 0), (0, columns - dense.shape[1])))
    from scipy.sparse import csr_array

    known = csr_array(features)
    arrays = known.data, known.indices, known.indptr
    return csr_array(arrays, shape=(known.shape[0], columns))


def nonzeros(features: Features) -> int:
    """How many are not 0."""
    return int(np.count_nonzero(arrays_of(features)[0]))


def finite_rows(features: Features) -> NDArray[np.bool_]:
    """Which rows hold neither NaN nor infinity, shape (rows,)."""
    if features.dtype.kind != "f":
        return np.ones(features.shape[0], dtype=np.bool_)
    if isinstance(features, np.ndarray):
        return np.asarray(np.isfinite(features).all(axis=1))
    bad = np.concatenate([[0], np.cumsum(~np.isfinite(features.data))])
    return np.asarray(np.diff(bad[features.indptr]) == 0)


def norms(features: Features) -> Floats:
    """Lengths of rows, shape (rows,)."""
    if isinstance(features, np.ndarray):
        return np.asarray(np.linalg.norm(features, axis=1))
    return np.asarray(np.sqrt((features * features).sum(axis=1)))


def largest_moments(features: Features, batch: int) -> Floats:
    """Largest eigenvalue of (1/B) Σ x xᵀ over each B rows, shape (rows / B,)."""
    if batch == 1:
        return norms(features) ** 2
    parts = (features[first : first + batch] for first in range(0, features.shape[0], batch))
    return np.array([np.linalg.norm(dense_rows(x, slice(None)), 2) ** 2 / batch for x in parts])


def arrays_of(features: Features) -> tuple[NDArray[np.generic], ...]:
    """The arrays that they lie in."""
    if isinstance(features, np.ndarray):
        return (features,)
    arrays: tuple[NDArray[np.generic], ...] = features.data, features.indices, features.indptr
    return arrays


def bytes_of(features: Features) -> int:
    """How much memory they take."""
    return sum(array.nbytes for array in arrays_of(features))
