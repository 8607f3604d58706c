"""Data sets: those that scikit-learn ships, well-known ones by name, and LIBSVM files."""

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.data.archive import DATA_SETS, fetch
from udsgd_mpi.errors import ConfigurationError, nearest
from udsgd_mpi.features import Features, finite_rows, worth_holding_sparsely
from udsgd_mpi.file_names import may_be_file
from udsgd_mpi.file_version import FileVersion

Floats = NDArray[np.float64]


class Dataset(NamedTuple):
    """Features (points, d), sparse where that is worth it, and labels (points,)."""

    features: Features
    labels: Floats


_MOST_ELEMENTS = 2**31  # 16 GB


def _bundled(file: str, **how: Any) -> Dataset:
    """Of the files of scikit-learn, whose import takes longer than all else before a first step."""
    package = find_spec("sklearn")
    if package is None or package.origin is None:
        raise ModuleNotFoundError("no module named 'sklearn'", name="sklearn")
    path = Path(package.origin).parent / "datasets" / "data" / file
    table = np.loadtxt(path, delimiter=",", **how)
    return Dataset(np.ascontiguousarray(table[:, :-1]), table[:, -1])


def _breast_cancer() -> Dataset:
    return _bundled("breast_cancer.csv", skiprows=1)


def _digits() -> Dataset:
    """Handwritten digits; the two classes are odd and even."""
    features, digit = _bundled("digits.csv.gz")
    return Dataset(features, digit % 2)


BUNDLED = {"breast_cancer": _breast_cancer, "digits": _digits}


def load(source: str) -> Dataset:
    """Load a data set.

    Parameters
    ----------
    source
        Name of a data set that scikit-learn ships or that can be fetched, or path of a LIBSVM
        file (plain, ``.gz`` or ``.bz2``).

    Raises
    ------
    ConfigurationError
        If the source is unknown, missing, truncated or not LIBSVM text.
    """
    if source in BUNDLED:
        return BUNDLED[source]()
    if source in DATA_SETS:
        return read_libsvm(fetch(DATA_SETS[source]))
    if may_be_file(source):
        return read_libsvm(Path(source))
    raise ConfigurationError(
        f"data.source: unknown data set {source!r}: {nearest(source, [*BUNDLED, *DATA_SETS])},"
        " or the path of a LIBSVM file"
    )


def read_libsvm(path: Path) -> Dataset:
    """Data set of a LIBSVM file.

    Raises
    ------
    ConfigurationError
        If it is missing, truncated or not LIBSVM text.
    """
    return _read_libsvm(path, FileVersion.of(path))


@lru_cache(maxsize=2)
def _read_libsvm(path: Path, _version: FileVersion) -> Dataset:
    from sklearn.datasets import load_svmlight_file

    try:
        features, labels = load_svmlight_file(str(path))
    except OSError as error:
        raise ConfigurationError(
            f"data file {path}: cannot be read ({error.strerror or error})"
        ) from error
    except (ValueError, EOFError, OverflowError) as error:
        raise ConfigurationError(
            f"data file {path}: expected LIBSVM text, whole; got: {error}"
        ) from error
    if features.shape[0] == 0:
        raise ConfigurationError(f"data file {path}: expected LIBSVM text, got an empty file")
    rows, columns = features.shape
    if worth_holding_sparsely(columns, rows, features.nnz):
        from scipy.sparse import csr_array

        return Dataset(csr_array(features), labels)
    if rows * columns > _MOST_ELEMENTS:
        raise ConfigurationError(
            f"data file {path}: expected at most {_MOST_ELEMENTS:,} numbers, got {rows:,} rows of"
            f" {columns:,} columns, of which {features.nnz / rows / columns:.0%} are not 0; so many"
            " are held densely: use fewer rows or columns"
        )
    return Dataset(features.toarray(), labels)


def check_finite(dataset: Dataset, rows: NDArray[np.int64], name: str) -> None:
    """Refuse NaN and infinity in some rows of a data set; ``name`` says whose they are.

    Raises
    ------
    ConfigurationError
        With the number of the first such row.
    """
    finite = finite_rows(dataset.features[rows]) & np.isfinite(dataset.labels[rows])
    bad = rows[~finite]
    if len(bad):
        raise ConfigurationError(
            f"{name}: expected finite numbers, got NaN or infinity in {len(bad)}"
            f" row{'s' * (len(bad) > 1)} (first: row {bad.min() + 1}); remove what is not finite"
        )
