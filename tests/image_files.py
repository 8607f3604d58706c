"""Small sets of random images, written in the formats in which images are published."""

import gzip
import io
import pickle
import struct
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

CLASSES = ("cat", "dog", "frog")


def random_images(count: int, *shape: int) -> tuple[np.ndarray, np.ndarray]:
    """Pixels (count, *shape) and labels of three classes, each there."""
    rng = np.random.default_rng([count, *shape])
    pixels = rng.integers(0, 256, (count, *shape), dtype=np.uint8)
    return pixels, rng.permutation(np.arange(count) % len(CLASSES))


def idx(array: np.ndarray) -> bytes:
    """Content of an idx file of unsigned bytes."""
    head = struct.pack(f">4B{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    return head + array.astype(np.uint8).tobytes()


def write_idx(folder: Path, part: str, pixels: np.ndarray, labels: np.ndarray) -> None:
    """As MNIST; the labels packed."""
    folder.mkdir(exist_ok=True)
    (folder / f"{part}-images-idx3-ubyte").write_bytes(idx(pixels))
    (folder / f"{part}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(idx(labels)))


def write_cifar(folder: Path, batches: int = 2, protocol: int = 2) -> dict[str, np.ndarray]:
    """As CIFAR-10; gives pixels and labels."""
    folder.mkdir(exist_ok=True)
    pixels, labels = random_images(4 * batches + 5, 3, 32, 32)
    cuts = [slice(4 * k, 4 * k + 4) for k in range(batches)]
    for k, rows in enumerate(cuts, start=1):
        _pickle(folder / f"data_batch_{k}", pixels[rows], labels[rows], protocol)
    test = slice(4 * batches, None)
    _pickle(folder / "test_batch", pixels[test], labels[test], protocol)
    names = {b"label_names": [name.encode() for name in CLASSES]}
    (folder / "batches.meta").write_bytes(pickle.dumps(names, protocol))
    train = slice(4 * batches)
    parts = {"x": pixels[train], "y": labels[train]}
    return {**parts, "x_test": pixels[test], "y_test": labels[test]}


def _pickle(path: Path, pixels: np.ndarray, labels: np.ndarray, protocol: int) -> None:
    batch = {b"data": pixels.reshape(len(pixels), -1), b"labels": labels.tolist()}
    path.write_bytes(pickle.dumps(batch, protocol))


def png(pixels: np.ndarray, kind: str = "png") -> bytes:
    """An image file of pixels (height, width) or (height, width, channels)."""
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind)
    return stream.getvalue()


def by_class(pixels: np.ndarray, labels: np.ndarray, top: str = "") -> dict[str, bytes]:
    """Names and contents of image files in folders by class."""
    return {
        f"{top}{CLASSES[label]}/{row:03d}.png": png(image)
        for row, (image, label) in enumerate(zip(pixels, labels, strict=True))
    }


def write_folder(path: Path, files: dict[str, bytes]) -> Path:
    """Files in a folder."""
    for name, content in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return path


def write_tar(path: Path, files: dict[str, bytes], mode: str = "w:gz") -> Path:
    """The same in a tar file."""
    with tarfile.open(path, mode) as file:  # type: ignore[call-overload]
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            file.addfile(member, io.BytesIO(content))
    return path


def write_zip(path: Path, files: dict[str, bytes]) -> Path:
    """The same in a zip file."""
    with zipfile.ZipFile(path, "w") as file:
        for name, content in files.items():
            file.writestr(name, content)
    return path


WRITERS: dict[str, Callable[[Path, dict[str, bytes]], Path]] = {
    "folder": write_folder,
    "a.tar": lambda path, files: write_tar(path, files, "w"),
    "a.tgz": write_tar,
    "a.tar.xz": lambda path, files: write_tar(path, files, "w:xz"),
    "a.zip": write_zip,
}
