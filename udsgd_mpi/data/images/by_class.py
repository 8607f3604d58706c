"""Image files in folders that are named by the classes, below train and test or not."""

from collections.abc import Callable, Collection, Iterable, Sequence
from io import BytesIO
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from udsgd_mpi.data.images.container import Container
from udsgd_mpi.data.images.labels import in_order, listed
from udsgd_mpi.data.images.pixels import Images, ImageSet, NotImages, Pixels

if TYPE_CHECKING:
    from PIL.Image import Image

Path: TypeAlias = tuple[str, ...]

_SUFFIXES = {
    *(".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".pgm", ".ppm", ".pbm")
}
_TRAINING, _TEST = ("train", "training"), ("test", "testing")
_UNUSED = ("val", "valid", "validation")
_MODES = {"L": "L", "1": "L", "RGB": "RGB", "RGBA": "RGBA", "P": "RGB"}
_MOST_BYTES = 2**34


def read(container: Container) -> ImageSet:
    """Read all images; a part for validation, besides those for training and test, is left out."""
    files = {tuple(name.split("/")): name for name in container.names}
    folders = {tuple(name.split("/")) for name in container.folders}
    folders |= {path[:end] for path in files for end in range(1, len(path))}
    depth = _depth_of_root(folders, files)
    tops = _parts({folder[depth] for folder in folders if len(folder) > depth})
    classes: list[str] = []
    of_parts: list[dict[str, str]] = []
    for part, top in tops.items():
        at = depth + len(top)
        found = {f[at] for f in folders if len(f) > at and f[depth:at] == top}
        # Beside the folders there may be files that are no images, such as a README.
        class_of = {
            name: path[at]
            for path, name in sorted(files.items())
            if len(path) > at + 1 and path[depth:at] == top
        }
        _check_classes(part, found, set(class_of.values()), classes)
        classes = classes or in_order(found)
        of_parts.append(class_of)
    order = {name: k for k, name in enumerate(classes)}
    rows = [sorted(class_of, key=lambda name: order[class_of[name]]) for class_of in of_parts]
    pixels = _read(container, rows)
    training, *test = (
        Images(x, np.array([order[class_of[name]] for name in names], dtype=np.int64))
        for x, names, class_of in zip(pixels, rows, of_parts, strict=True)
    )
    return ImageSet(training, test[0] if test else None, tuple(classes))


def _depth_of_root(folders: Collection[Path], files: Iterable[Path]) -> int:
    """How deep the folder is in which parts or classes lie, such as the only one in an archive."""
    depth = 0
    while True:
        inside = {folder[depth] for folder in folders if len(folder) > depth}
        of_class = any(len(path) == depth + 2 and _is_image(path[-1]) for path in files)
        if len(inside) != 1 or of_class or not inside.isdisjoint(_TRAINING):
            return depth
        depth += 1


def _parts(heads: set[str]) -> dict[str, Path]:
    """Where the parts for training and test are; without a folder for training there is no test."""
    training = sorted(heads.intersection(_TRAINING))
    if not training:
        return {"training": ()}
    test = sorted(heads.intersection(_TEST))
    others = heads.difference(_TRAINING, _TEST, _UNUSED)
    if others or len(training) > 1 or len(test) > 1:
        raise NotImages(
            f"expected train and test, or a folder for each class, got {listed(sorted(heads))};"
            " move them apart"
        )
    return {"training": (training[0],), **({"test": (test[0],)} if test else {})}


def _check_classes(part: str, found: set[str], with_images: set[str], known: Sequence[str]) -> None:
    if empty := sorted(found - with_images):
        raise NotImages(
            f"{part}: expected images in the folder of each class, got none in {listed(empty)};"
            " leave it out, or add its images"
        )
    if not known and len(found) < 2:
        raise NotImages(
            f"{part}: expected a folder of images for each of two classes or more, got"
            f" {listed(sorted(found)) or 'none'}; sort the images by class, or name"
            " the folder of the files of CIFAR or MNIST"
        )
    if known and (unknown := sorted(found.difference(known))):
        raise NotImages(
            f"{part}: expected the classes of training, {listed(known)}, got"
            f" {listed(unknown)}; leave out what nobody could learn"
        )


def _read(container: Container, parts: Sequence[Sequence[str]]) -> list[Pixels]:
    """Pixels of the images of each part, in its order."""
    where = {name: (k, row) for k, names in enumerate(parts) for row, name in enumerate(names)}
    wrong = [name for name in where if not _is_image(name)]
    if wrong:
        raise NotImages(
            f"{wrong[0]}: expected image files alone in the folder of a class"
            f" ({', '.join(sorted(_SUFFIXES))}), got another; leave it out"
        )
    decode = _decoder()
    pixels: list[Pixels] = []
    first = ""
    for name, content in container.contents(where):
        image = decode(name, content)
        if not pixels:
            first, shape = name, image.shape
            if len(where) * image.size > _MOST_BYTES:
                raise NotImages(
                    f"expected at most {_MOST_BYTES:,} pixels, got {len(where):,} images of"
                    f" {_in_words(shape)}; scale them down, or use fewer"
                )
            pixels = [np.empty((len(names), *shape), dtype=np.uint8) for names in parts]
        if image.shape != shape:
            raise NotImages(
                f"{name}: expected {_in_words(shape)}, as {first} has, got"
                f" {_in_words(image.shape)}; scale or convert the images to one size and kind"
            )
        part, row = where[name]
        pixels[part][row] = image
    return pixels


def _is_image(name: str) -> bool:
    return PurePosixPath(name).suffix.lower() in _SUFFIXES


def _decoder() -> Callable[[str, bytes], Pixels]:
    """What makes pixels (channels, height, width) of an image file."""
    try:
        from PIL import Image
    except ImportError as error:
        raise NotImages(
            "expected Pillow to read image files, got none; pip install 'udsgd_mpi[images]'"
        ) from error

    def decode(name: str, content: bytes) -> Pixels:
        try:
            with Image.open(BytesIO(content)) as image:
                return _pixels_of(name, image)
        except NotImages:
            raise
        except Exception as error:  # broken images raise errors of many kinds
            raise NotImages(
                f"{name}: expected a complete image, got: {_said(error)}; replace it, or leave it"
                " out"
            ) from error

    return decode


def _pixels_of(name: str, image: "Image") -> Pixels:
    if image.mode not in _MODES or getattr(image, "n_frames", 1) > 1:
        got = "an animation" if image.mode in _MODES else f"the kind {image.mode!r}"
        raise NotImages(
            f"{name}: expected one image of 8 bits, grey, RGB or RGBA, got {got}; convert it"
        )
    mode = _MODES[image.mode]
    pixels = np.asarray(image if image.mode == mode else image.convert(mode))
    return np.moveaxis(pixels[..., None] if pixels.ndim == 2 else pixels, 2, 0)


def _said(error: Exception) -> str:
    return "no known format" if "cannot identify" in str(error) else str(error) or repr(error)


def _in_words(shape: Sequence[int]) -> str:
    channels, height, width = shape
    return f"{width} × {height} pixels with {channels} channel{'s' * (channels > 1)}"
