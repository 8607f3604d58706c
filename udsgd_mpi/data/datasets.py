"""Data sets: those that scikit-learn ships, and LIBSVM files."""

from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.errors import ConfigurationError, nearest
from udsgd_mpi.file_version import FileVersion

Floats = NDArray[np.float64]


class Dataset(NamedTuple):
    """Features (points, d) and labels (points,)."""

    features: Floats
    labels: Floats


def _breast_cancer() -> Dataset:
    from sklearn.datasets import load_breast_cancer

    return Dataset(*load_breast_cancer(return_X_y=True))


def _digits() -> Dataset:
    """Handwritten digits; the two classes are odd and even."""
    from sklearn.datasets import load_digits

    features, digit = load_digits(return_X_y=True)
    return Dataset(features, digit % 2)


BUNDLED = {"breast_cancer": _breast_cancer, "digits": _digits}


def load(source: str, standardize: bool) -> Dataset:
    """Load a data set.

    Parameters
    ----------
    source
        Name of a bundled data set, or path of a LIBSVM file (plain, ``.gz`` or ``.bz2``).
    standardize
        Shift and scale every feature to mean 0 and variance 1; constant features become 0.

    Raises
    ------
    ConfigurationError
        If the source is unknown, missing, truncated, not LIBSVM text or not finite.
    """
    return _load(source, standardize, FileVersion.of(Path(source)))


@lru_cache(maxsize=2)
def _load(source: str, standardize: bool, _version: FileVersion) -> Dataset:
    if source in BUNDLED:
        features, labels = BUNDLED[source]()
    elif Path(source).suffix or "/" in source:
        features, labels = _libsvm(Path(source))
    else:
        raise ConfigurationError(
            f"data.source: unknown data set {source!r}: {nearest(source, BUNDLED)},"
            " or the path of a LIBSVM file"
        )
    features = np.ascontiguousarray(features, dtype=np.float64)
    labels = np.ascontiguousarray(labels, dtype=np.float64)
    bad = np.flatnonzero(~np.isfinite(features).all(axis=1) | ~np.isfinite(labels))
    if len(bad):
        raise ConfigurationError(
            f"data {source}: expected finite numbers, got NaN or infinity in {len(bad)} rows"
            f" (first: row {bad[0] + 1}); remove those rows"
        )
    if standardize:
        deviation = features.std(axis=0)
        constant = deviation == 0
        features = (features - features.mean(axis=0)) / np.where(constant, 1, deviation)
    return Dataset(features, labels)


def _libsvm(path: Path) -> Dataset:
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
    return Dataset(features.toarray(), labels)
