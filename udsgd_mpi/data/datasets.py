"""Data sets: those that scikit-learn ships, well-known ones by name, and LIBSVM files."""

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.data.archive import DATA_SETS, fetch
from udsgd_mpi.data.features import Features, finite_rows, worth_holding_sparsely
from udsgd_mpi.data.libsvm import IndexBase, index_base, read_libsvm
from udsgd_mpi.support.errors import ConfigurationError, nearest
from udsgd_mpi.support.file_names import may_be_file
from udsgd_mpi.support.input_file import FileVersion

Floats = NDArray[np.float64]


class Dataset(NamedTuple):
    """Features (points, d), sparse where that is worth it, and labels (points,)."""

    features: Features
    labels: Floats


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


def load(source: str, base: IndexBase = "auto") -> Dataset:
    """Load a data set.

    Parameters
    ----------
    source
        Name of a data set that scikit-learn ships or that can be fetched, or path of a LIBSVM
        file.
    base
        Index of the first feature in a LIBSVM file.

    Raises
    ------
    ConfigurationError
        If the source is unknown, missing, truncated or not LIBSVM text.
    """
    if source in BUNDLED:
        return BUNDLED[source]()
    if source in DATA_SETS:
        path = fetch(DATA_SETS[source])
    elif may_be_file(source):
        path = Path(source)
    else:
        raise ConfigurationError(
            f"data.source: unknown data set {source!r}: {nearest(source, [*BUNDLED, *DATA_SETS])},"
            " or the path of a LIBSVM file"
        )
    return _of_file(path, base, FileVersion.of(path))


@lru_cache(maxsize=2)
def _of_file(path: Path, base: IndexBase, _version: FileVersion) -> Dataset:
    found = read_libsvm(path)
    first = index_base(found.lowest, base)
    d, points = found.highest + 1 - first, len(found.labels)
    sparse = worth_holding_sparsely(d, points, found.nonzeros)
    return Dataset(found.points(first, found.highest, sparse=sparse), found.labels)


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
            f" row{'s' * (len(bad) > 1)} (first: row {bad.min() + 1}); remove them"
        )
