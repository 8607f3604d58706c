"""LIBSVM files."""

import zlib
from functools import lru_cache
from lzma import LZMAError
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.data.features import Features, widened
from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.support.input_file import FileVersion, open_text, require_regular_file

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Floats = NDArray[np.float64]
IndexBase = Literal[0, 1, "auto"]

_MOST_ELEMENTS = 2**31  # 16 GB


class Libsvm(NamedTuple):
    """What a LIBSVM file holds.

    Attributes
    ----------
    features
        One row for each point; the column is the index in the file.
    labels
        Shape (points,).
    lowest
        The lowest index of all.
    """

    path: Path
    features: "csr_array"
    labels: Floats
    lowest: int

    @property
    def highest(self) -> int:
        """The highest index of all."""
        return int(self.features.shape[1]) - 1

    @property
    def nonzeros(self) -> int:
        """How many features of all points are not 0."""
        return int(np.count_nonzero(self.features.data))

    def points(self, base: int, highest: int, *, sparse: bool) -> Features:
        """Features, shape (points, highest − base + 1); those beyond the file's own are 0.

        Raises
        ------
        ConfigurationError
            If there are too many to be held densely.
        """
        rows, columns = len(self.labels), highest + 1 - base
        if not sparse and rows * columns > _MOST_ELEMENTS:
            raise ConfigurationError(
                f"data file {self.path}: expected at most {_MOST_ELEMENTS:,} numbers, got {rows:,}"
                f" rows of {columns:,} columns, of which {self.nonzeros / rows / columns:.0%} are"
                " not 0: too many to be stored sparsely; use fewer rows or columns"
            )
        return widened(self.features[:, base:], columns, sparse=sparse)


def index_base(lowest: int, given: IndexBase) -> int:
    """The index of the first feature, where ``lowest`` is the lowest index in all files.

    Parameters
    ----------
    given
        ``"auto"``: 0 if there is an index 0, else 1.

    Raises
    ------
    ConfigurationError
        If there is an index below the given base.
    """
    if given == "auto":
        return min(lowest, 1)
    if lowest < given:
        raise ConfigurationError(
            f"data.index_base: expected indices from {given} on, got {lowest}; use index_base ="
            f' {lowest}, or "auto"'
        )
    return given


def read_libsvm(path: Path) -> Libsvm:
    """Read a LIBSVM file (plain, ``.gz``, ``.bz2`` or ``.xz``).

    Raises
    ------
    ConfigurationError
        If it is missing, truncated, not LIBSVM text, or holds labels alone.
    """
    return _read(path, FileVersion.of(path))


@lru_cache(maxsize=2)
def _read(path: Path, _version: FileVersion) -> Libsvm:
    from sklearn.datasets import load_svmlight_file

    name = f"data file {path}"
    require_regular_file(path, name)
    try:
        with open_text(path) as file:
            features, labels = load_svmlight_file(file, zero_based=True)
    except OSError as error:
        raise ConfigurationError(f"{name}: cannot be read ({error.strerror or error})") from error
    except (ValueError, EOFError, OverflowError, zlib.error, LZMAError) as error:
        raise ConfigurationError(f"{name}: expected complete LIBSVM text, got: {error}") from error
    if features.shape[0] == 0:
        raise ConfigurationError(f"{name}: expected LIBSVM text, got an empty file")
    if len(features.indices) == 0:
        raise ConfigurationError(
            f"{name}: expected LIBSVM text, a label and index:value for each feature that is not 0;"
            " got labels alone"
        )
    from scipy.sparse import csr_array

    return Libsvm(path, csr_array(features), labels, int(features.indices.min()))
