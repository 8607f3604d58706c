"""Transition matrices of Markov chains on the points, in files."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.graphs.formats.content import Content
from udsgd_mpi.graphs.formats.found import NotOfFormat
from udsgd_mpi.graphs.formats.matrix import matrix_market
from udsgd_mpi.graphs.ground import GroundFile
from udsgd_mpi.support.digests import digest
from udsgd_mpi.support.errors import ConfigurationError

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_TOLERANCE = 1e-6  # of the sum of a row, as files may hold single precision
_MOST_NAMED = 5


@dataclass(frozen=True, eq=False)  # so that what is computed of one can be kept by it
class TransitionMatrix:
    """P of an irreducible chain, in compressed rows.

    Attributes
    ----------
    offsets
        Where each row begins, and the last one ends, shape (states + 1,).
    columns, probabilities
        Of the entries that are not 0, columns ascending in a row; a row adds up to 1.
    """

    offsets: NDArray[np.int64]
    columns: NDArray[np.int32]
    probabilities: NDArray[np.float64]

    @classmethod
    def of(cls, matrix: Any, name: str) -> Self:
        """The chain of a matrix, sparse or not.

        Raises
        ------
        ConfigurationError
            If it is not square, its rows are not distributions, or some points do not lead back to
            others; says which. ``name`` says what the matrix is.
        """
        from scipy.sparse import csr_array

        if getattr(matrix, "ndim", 0) != 2 or matrix.shape[0] != matrix.shape[1]:
            raise ConfigurationError(
                f"{name}: expected a square matrix, a row for each point, got shape"
                f" {getattr(matrix, 'shape', ())}"
            )
        if matrix.dtype.kind not in "biuf":
            raise ConfigurationError(f"{name}: expected real numbers, got {matrix.dtype}")
        P = csr_array(matrix, dtype=np.float64)
        P.sum_duplicates()
        _check_rows(P, name)
        P.eliminate_zeros()
        P.sort_indices()
        _check_irreducible(P, name)
        offsets = P.indptr.astype(np.int64)
        sums = np.add.reduceat(P.data, offsets[:-1])
        probabilities = P.data / np.repeat(sums, np.diff(offsets))
        return cls(offsets, P.indices.astype(np.int32), probabilities)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def csr(self) -> "csr_array":
        """P for SciPy."""
        from scipy.sparse import csr_array

        n = len(self)
        return csr_array((self.probabilities, self.columns, self.offsets), shape=(n, n))

    @cached_property
    def digest(self) -> str:
        """Distinguishes this matrix from any other."""
        return digest(self.offsets, self.columns, self.probabilities)

    @property
    def mean_degree(self) -> float:
        """Mean number of points that may follow a point."""
        return len(self.columns) / len(self)

    @property
    def nbytes(self) -> int:
        """Memory of the arrays."""
        return self.offsets.nbytes + self.columns.nbytes + self.probabilities.nbytes


def _check_rows(P: "csr_array", name: str) -> None:
    rows = np.repeat(np.arange(P.shape[0]), np.diff(P.indptr))
    wrong = np.unique(rows[~(P.data >= 0)])
    if len(wrong):
        raise ConfigurationError(
            f"{name}: expected probabilities ≥ 0, got others in {_rows(wrong, P.shape[0])}"
        )
    sums = np.asarray(P.sum(axis=1)).ravel()
    wrong = np.flatnonzero(~(abs(sums - 1) <= _TOLERANCE))
    if len(wrong):
        raise ConfigurationError(
            f"{name}: expected rows that add up to 1, got {_rows(wrong, P.shape[0])} with a sum of"
            f" {', '.join(f'{value:.9g}' for value in sums[wrong[:_MOST_NAMED]])}; divide each row"
            " by its sum"
        )


def _check_irreducible(P: "csr_array", name: str) -> None:
    from scipy.sparse.csgraph import breadth_first_order, connected_components

    if connected_components(P, directed=True, connection="strong", return_labels=False) == 1:
        return
    for matrix, words in (
        (P, "no way leads from point 0 to"),
        (P.T, "no way leads to point 0 from"),
    ):
        reached = breadth_first_order(matrix.tocsr(), 0, return_predecessors=False)
        others = np.setdiff1d(np.arange(P.shape[0]), reached)
        if len(others):
            raise ConfigurationError(
                f"{name}: expected an irreducible chain, which comes from every point to every"
                f" other, but {words} {_listed(others)} of {P.shape[0]:,} points; leave out the"
                " points that it does not come back to"
            )


def _rows(wrong: NDArray[np.int64], of: int) -> str:
    """E.g. ``"2 of 40 rows (3 and 7)"``, counted from 0."""
    return f"{len(wrong):,} of {of:,} rows ({_listed(wrong)}, counted from 0)"


def _listed(numbers: Iterable[int]) -> str:
    every = [*numbers]
    shown = ", ".join(map(str, every[:_MOST_NAMED]))
    return f"{shown}, … ({len(every):,})" if len(every) > _MOST_NAMED else shown


class TransitionsFile(GroundFile, frozen=True):
    """A file with a transition matrix: ``.npz`` of SciPy or NumPy, ``.npy``, ``.mtx``."""

    def whole(self) -> TransitionMatrix:
        return TransitionMatrix.of(_read(Path(self.path)), f"chain {self.path}")

    def build(
        self, n: int, seed: int, name: str, whole: TransitionMatrix | None = None
    ) -> TransitionMatrix:
        found = self.whole() if whole is None else whole
        if len(found) != n:
            raise ConfigurationError(
                f"{name}: expected a row for each of the {n} points or batches, got {len(found)}"
                f" rows in {self.path}; use the chain of another number of points, or {{agent}} in"
                " the path for a chain of each agent"
            )
        return found


def _read(path: Path) -> Any:
    try:
        return _matrix(Content(path, "chain"))
    except ConfigurationError:
        raise
    except OSError as error:
        raise ConfigurationError(
            f"chain {path}: cannot be read ({error.strerror or error})"
        ) from error
    except Exception as error:  # readers of other packages raise many kinds
        raise ConfigurationError(
            f"chain {path}: expected a matrix: SciPy's sparse .npz, NumPy's .npy or .npz with one"
            f" array, or MatrixMarket; {error or type(error).__name__}"
        ) from error


def _matrix(content: Content) -> Any:
    read = next((read for mark, read in _READERS.items() if content.head.startswith(mark)), None)
    if read is None:
        raise NotOfFormat("got something else")
    return read(content)


def _of_archive(content: Content) -> Any:
    with np.load(content.binary(), allow_pickle=False) as arrays:
        if "format" not in arrays.files:
            if len(arrays.files) != 1:
                raise NotOfFormat(f"got the arrays {', '.join(arrays.files) or 'none'}")
            return arrays[arrays.files[0]]
    from scipy.sparse import load_npz

    return load_npz(content.binary())


def _of_array(content: Content) -> Any:
    return np.load(BytesIO(content.whole), allow_pickle=False)


_READERS: dict[bytes, Callable[[Content], Any]] = {
    b"PK\x03\x04": _of_archive,
    b"\x93NUMPY": _of_array,
    b"%%MatrixMarket": matrix_market,
}
