"""Data sets: those that scikit-learn ships, well-known ones by name, LIBSVM files and images."""

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.data.archive import DATA_SETS, fetch
from udsgd_mpi.data.features import Features, finite_rows, worth_holding_sparsely
from udsgd_mpi.data.images import formats
from udsgd_mpi.data.images.pixels import WHITE, ImageFormat, Images, ImageSet
from udsgd_mpi.data.libsvm import IndexBase, index_base, read_libsvm
from udsgd_mpi.support.errors import ConfigurationError, nearest
from udsgd_mpi.support.file_names import may_be_file
from udsgd_mpi.support.input_file import FileVersion

Floats = NDArray[np.float64]

_SHADES_OF_DIGITS = 16
_TRAINING_DIGITS = 1500


class Dataset(NamedTuple):
    """Features (points, d), sparse where that is worth it, and labels (points,).

    Attributes
    ----------
    image
        What the rows mean where they are images, whose features are pixels of 8 bits.
    """

    features: Features
    labels: Floats
    image: ImageFormat | None = None


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
    features, digit, _ = _bundled("digits.csv.gz")
    return Dataset(features, digit % 2)


@lru_cache(maxsize=1)
def _digit_images() -> ImageSet:
    """The same as images of ten classes; the last sixth or so is the test part."""
    features, digit, _ = _bundled("digits.csv.gz")
    pixels = (features * WHITE // _SHADES_OF_DIGITS).astype(np.uint8).reshape(-1, 1, 8, 8)
    training, test = (
        Images(pixels[rows], digit[rows].astype(np.int64))
        for rows in (slice(_TRAINING_DIGITS), slice(_TRAINING_DIGITS, None))
    )
    return ImageSet(training, test, tuple("0123456789"))


BUNDLED = {"breast_cancer": _breast_cancer, "digits": _digits}
BUNDLED_IMAGES = {"digit_images": _digit_images}
NAMES = frozenset({*BUNDLED, *BUNDLED_IMAGES, *DATA_SETS})


def load(source: str, base: IndexBase = "auto") -> Dataset:
    """Load a data set, of images its training part.

    Parameters
    ----------
    source
        Name of a data set that scikit-learn ships or that can be fetched, or path of a LIBSVM
        file or of images.
    base
        Index of the first feature in a LIBSVM file.

    Raises
    ------
    ConfigurationError
        If the source is unknown, missing, truncated or of no known format.
    """
    if source in BUNDLED:
        return BUNDLED[source]()
    found = _images(source)
    if found is None:
        path = _path(source)
        return _of_file(path, base, FileVersion.of(path))
    return _of_images(found.training, found.format)


def load_test_part(source: str) -> Dataset | None:
    """The images of a data set that nobody trains on; None where it tells none apart.

    Raises
    ------
    ConfigurationError
        As ``load``.
    """
    found = None if source in BUNDLED else _images(source)
    if found is None or found.test is None:
        return None
    return _of_images(found.test, found.format)


def _path(source: str) -> Path:
    if source in DATA_SETS:
        return fetch(DATA_SETS[source])
    if may_be_file(source) or Path(source).is_dir():
        return Path(source)
    raise ConfigurationError(
        f"data.source: unknown data set {source!r}: {nearest(source, NAMES)}, or the path of a"
        " LIBSVM file or of images"
    )


def _images(source: str) -> ImageSet | None:
    if source in BUNDLED_IMAGES:
        return BUNDLED_IMAGES[source]()
    return formats.read(_path(source))


def _of_images(images: Images, image: ImageFormat) -> Dataset:
    rows = images.pixels.reshape(len(images.labels), -1)
    return Dataset(rows, images.labels.astype(np.float64), image)


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
