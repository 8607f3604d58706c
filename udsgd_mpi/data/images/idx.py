"""Images and labels in idx files, as MNIST (LeCun, Cortes and Burges) and its kin have them."""

import gzip
import re
import struct
import zlib
from math import prod
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.data.images.container import Container
from udsgd_mpi.data.images.labels import named_by_value
from udsgd_mpi.data.images.pixels import Images, ImageSet, NotImages

_NAME = re.compile(r"(.*)(train|t10k|test)-(images|labels)[-.]idx[13]-ubyte(?:\.gz)?")
_GZIP = b"\x1f\x8b"
_UNSIGNED_BYTES = 8


def is_of_it(container: Container) -> bool:
    """Whether there are files of such names."""
    return any(map(_parse, container.names))


def read(container: Container) -> ImageSet:
    """Read the images and labels of training, and of a test where they are there."""
    names: dict[tuple[str, str], str] = {}
    for name in container.names:
        if parsed := _parse(name):
            part = ("train" if parsed[2] == "train" else "test", parsed[3])
            if part in names:
                raise NotImages(
                    f"{name}: expected one idx file of the {part[1]} of {part[0]}, got"
                    f" {names[part]} beside it; keep one set in a folder"
                )
            names[part] = name
    parts = ("train", "test") if any(part == "test" for part, _ in names) else ("train",)
    for part in ((which, what) for which in parts for what in ("images", "labels")):
        if part not in names:
            raise NotImages(
                f"expected an idx file of the {part[1]} of {part[0]} beside"
                f" {', '.join(names.values())}, got none; get it, too"
            )
    held = dict(container.contents(names.values()))
    read_parts = []
    for which in parts:
        images, labels = names[which, "images"], names[which, "labels"]
        pixels = _array(images, held[images], 3)
        values = _array(labels, held[labels], 1)
        if len(pixels) != len(values):
            raise NotImages(
                f"{labels}: expected a label for each of {len(pixels):,} images, got"
                f" {len(values):,}; get both files from the same place"
            )
        read_parts.append((pixels[:, None], values.astype(np.int64)))
    found, classes = named_by_value([values for _, values in read_parts])
    training, *test = (Images(x, y) for (x, _), y in zip(read_parts, found, strict=True))
    return ImageSet(training, test[0] if test else None, classes)


def _parse(name: str) -> re.Match[str] | None:
    return _NAME.fullmatch(PurePosixPath(name).name)


def _array(name: str, content: bytes, dimensions: int) -> NDArray[np.uint8]:
    """What an idx file of unsigned bytes holds."""
    if content.startswith(_GZIP):
        try:
            content = gzip.decompress(content)
        except (OSError, EOFError, zlib.error) as error:
            raise NotImages(
                f"{name}: expected a complete file, got: {error}; get it again"
            ) from error
    magic = bytes([0, 0, _UNSIGNED_BYTES, dimensions])
    start = 4 + 4 * dimensions
    if content[:4] != magic or len(content) < start:
        raise NotImages(
            f"{name}: expected idx of unsigned bytes in {dimensions} dimension"
            f"{'s' * (dimensions > 1)} (it begins with 0x{magic.hex()}), got"
            f" 0x{content[:4].hex()} and {len(content):,} bytes; get it again"
        )
    shape = struct.unpack(f">{dimensions}I", content[4:start])
    if len(content) - start != prod(shape):
        raise NotImages(
            f"{name}: expected {prod(shape):,} bytes after its head, got"
            f" {len(content) - start:,}; get it again"
        )
    return np.frombuffer(content, dtype=np.uint8, offset=start).reshape(shape)
