"""Images and labels in a NumPy archive (.npz), by the names under which they are usual."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.data.images.labels import named_by_value
from udsgd_mpi.data.images.pixels import WHITE, Images, ImageSet, NotImages, Pixels

_WORDS = {
    "images": ("x", "images", "image", "data"),
    "labels": ("y", "labels", "label", "target", "targets"),
}
_USUAL = (
    "x and y, images and labels, data and target, each also as x_train or train_images, and with"
    " test"
)
_CHANNELS = (1, 3, 4)


def read(path: Path) -> ImageSet:
    """Read arrays of images, (images, height, width) with channels last or second, and labels."""
    with np.load(path, allow_pickle=False) as archive:
        names = _names(archive.files)
        arrays = {key: _loaded(archive, name) for key, name in names.items()}
    training = _pixels(names["train", "images"], arrays["train", "images"])
    values = [_labels(names["train", "labels"], arrays["train", "labels"], len(training))]
    if ("test", "images") not in names:
        found, classes = named_by_value(values)
        return ImageSet(Images(training, found[0]), None, classes)
    test = _pixels(names["test", "images"], arrays["test", "images"])
    if training.shape[1:] != test.shape[1:]:
        raise NotImages(
            f"{names['test', 'images']}: expected images of the shape of {training.shape[1:]}"
            f" (channels, height, width) as in training, got {test.shape[1:]}"
        )
    values.append(_labels(names["test", "labels"], arrays["test", "labels"], len(test)))
    found, classes = named_by_value(values)
    return ImageSet(Images(training, found[0]), Images(test, found[1]), classes)


def _names(files: list[str]) -> dict[tuple[str, str], str]:
    """Name of each array that is to be read, by its part and what it holds."""
    names: dict[tuple[str, str], str] = {}
    for name in files:
        if key := _meaning(name):
            if key in names:
                raise NotImages(
                    f"expected one array of the {key[1]} of {key[0]}, got {names[key]} and {name};"
                    " leave one out"
                )
            names[key] = name
    parts = ["train", *(["test"] if any(part == "test" for part, _ in names) else [])]
    for part, what in ((part, what) for part in parts for what in ("images", "labels")):
        if (part, what) not in names:
            raise NotImages(
                f"expected an array of the {what} of {part} under a usual name ({_USUAL}), got"
                f" {', '.join(files) or 'no array'}; save it under one"
            )
    return names


def _meaning(name: str) -> tuple[str, str] | None:
    words = re.split(r"[_.\-]", name.lower())
    parts = [word for word in words if word in ("train", "test")]
    others = [word for word in words if word not in parts]
    if len(parts) > 1 or len(others) != 1:
        return None
    what = next((what for what, known in _WORDS.items() if others[0] in known), None)
    return (parts[0] if parts else "train", what) if what else None


def _loaded(archive: Mapping[str, NDArray[Any]], name: str) -> NDArray[Any]:
    try:
        return archive[name]
    except ValueError as error:
        raise NotImages(
            f"{name}: expected an array of numbers, got: {error}; save numbers, as nothing pickled"
            " is run"
        ) from error
    except MemoryError as error:
        raise NotImages(f"{name}: expected what fits into memory, got more; save fewer") from error


def _pixels(name: str, array: NDArray[Any]) -> Pixels:
    """Images (images, channels, height, width)."""
    if array.ndim == 3:
        array = array[:, None]
    elif array.ndim == 4 and array.shape[3] in _CHANNELS:
        array = np.moveaxis(array, 3, 1)
    elif array.ndim != 4 or array.shape[1] not in _CHANNELS:
        raise NotImages(
            f"{name}: expected images, (images, height, width) or (images, height, width,"
            f" channels), with 1, 3 or 4 channels, got the shape {array.shape}; reshape it"
        )
    if not _are_whole(array) or ((array < 0) | (array > WHITE)).any():
        raise NotImages(
            f"{name}: expected pixels of 8 bits, whole numbers from 0 to {WHITE}, got others of"
            f" the type {array.dtype}; save them as uint8"
        )
    return np.ascontiguousarray(array, dtype=np.uint8)


def _labels(name: str, array: NDArray[Any], images: int) -> NDArray[np.int64]:
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.shape != (images,) or not _are_whole(array):
        raise NotImages(
            f"{name}: expected a whole number for each of {images:,} images, got the type"
            f" {array.dtype} and the shape {array.shape}; save the number of each one's class"
        )
    return array.astype(np.int64)


def _are_whole(array: NDArray[Any]) -> bool:
    if array.dtype.kind == "f":
        return bool((array == np.rint(array)).all())
    return array.dtype.kind in "iub"
