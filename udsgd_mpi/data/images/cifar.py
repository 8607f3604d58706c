"""CIFAR-10 and CIFAR-100 (Krizhevsky, 2009) in their Python version."""

import re
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from udsgd_mpi.data.images.container import Container
from udsgd_mpi.data.images.labels import listed
from udsgd_mpi.data.images.pixels import Images, ImageSet, NotImages
from udsgd_mpi.data.images.restricted_pickle import loads

_BATCH = re.compile(r"data_batch_([1-9][0-9]?)")
_TEST, _META = "test_batch", "batches.meta"
_TRAINING_OF_100, _TEST_OF_100, _META_OF_100 = "train", "test", "meta"
_SHAPE = 3, 32, 32


def is_of_it(container: Container) -> bool:
    """Whether there are files of such names."""
    files = _by_name(container)
    return any(map(_BATCH.fullmatch, files)) or {_TRAINING_OF_100, _META_OF_100} <= files.keys()


def read(container: Container) -> ImageSet:
    """Read all batches: pickles, of which nothing is run."""
    files = _by_name(container)
    numbers = sorted(int(found[1]) for name in files if (found := _BATCH.fullmatch(name)))
    if numbers != list(range(1, len(numbers) + 1)):
        raise NotImages(
            f"expected data_batch_1 to data_batch_{numbers[-1]}, got only"
            f" {', '.join(map(str, numbers))}; get the others, too"
        )
    if numbers:
        batches, test, meta = [f"data_batch_{k}" for k in numbers], _TEST, _META
        kind = b"labels"
    else:
        batches, test, meta = [_TRAINING_OF_100], _TEST_OF_100, _META_OF_100
        kind = b"fine_labels"
    wanted = {files[name]: name for name in (*batches, test, meta) if name in files}
    held = {
        wanted[name]: _unpickled(name, content)
        for name, content in container.contents(wanted.keys())
    }
    parts = [_images(name, held[name], kind) for name in batches]
    training = Images(*map(np.concatenate, zip(*parts, strict=True)))
    tested = _images(test, held[test], kind) if test in held else None
    classes = _classes(meta, held.get(meta), kind[:-1] + b"_names", training)
    for part in (training, *([tested] if tested else [])):
        wrong = np.unique(part.labels[(part.labels < 0) | (part.labels >= len(classes))])
        if len(wrong):
            raise NotImages(
                f"labels: expected 0 to {len(classes) - 1}, one for each class in {meta}, got"
                f" {listed(wrong.tolist())}; get the files again"
            )
    return ImageSet(training, tested, classes)


def _by_name(container: Container) -> dict[str, str]:
    return {PurePosixPath(name).name: name for name in container.names}


def _unpickled(name: str, content: bytes) -> dict[Any, Any]:
    try:
        found = loads(content)
    except Exception as error:  # broken pickles raise errors of many kinds
        said = str(error) or type(error).__name__
        raise NotImages(
            f"{name}: expected a batch of CIFAR, a pickle of arrays and lists, got: {said}; get it"
            " again from where it is published"
        ) from error
    if not isinstance(found, dict):
        raise NotImages(f"{name}: expected a pickled dictionary, got {type(found).__name__}")
    return {key.encode() if isinstance(key, str) else key: value for key, value in found.items()}


def _images(name: str, batch: dict[Any, Any], kind: bytes) -> Images:
    pixels, labels = batch.get(b"data"), batch.get(kind)
    size = int(np.prod(_SHAPE))
    if not isinstance(pixels, np.ndarray) or pixels.ndim != 2 or pixels.shape[1] != size:
        got = pixels.shape if isinstance(pixels, np.ndarray) else type(pixels).__name__
        raise NotImages(f"{name}: expected data of shape (images, {size}), got {got}")
    if (
        not isinstance(labels, list)
        or len(labels) != len(pixels)
        or not all(isinstance(label, int) and abs(label) < 2**31 for label in labels)
    ):
        raise NotImages(
            f"{name}: expected {kind.decode()}, a list of a whole number for each of"
            f" {len(pixels):,} images, got none"
        )
    return Images(pixels.reshape(-1, *_SHAPE), np.array(labels, dtype=np.int64))


def _classes(
    name: str, meta: dict[Any, Any] | None, key: bytes, training: Images
) -> tuple[str, ...]:
    if meta is None:
        return tuple(map(str, range(int(training.labels.max(initial=0)) + 1)))
    names = meta.get(key)
    if not isinstance(names, list) or not all(isinstance(word, bytes | str) for word in names):
        raise NotImages(f"{name}: expected {key.decode()}, a list of names, got none")
    return tuple(w if isinstance(w, str) else w.decode("utf-8", "replace") for w in names)
