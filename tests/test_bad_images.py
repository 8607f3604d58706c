"""Images that are not what they should be are refused in one message."""

import gzip
import os
import pickle
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.image_files import (
    WRITERS,
    by_class,
    idx,
    png,
    random_images,
    write_cifar,
    write_folder,
    write_idx,
    write_tar,
    write_zip,
)
from udsgd_mpi.data.datasets import load
from udsgd_mpi.support.errors import ConfigurationError


def refused(source: Path, *parts: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        load(str(source))
    message = str(error.value)
    assert message.startswith(f"data {source}: ")
    assert "\n" not in message
    for part in parts:
        assert part in message, message


BAD_IDX = {
    "magic": (lambda c: b"\x00\x00\x0d" + c[3:], ("0x00000803", "got 0x00000d03")),
    "labels as images": (lambda _: idx(np.zeros(7)), ("got 0x00000801",)),
    "short": (lambda c: c[:-1], ("expected 140 bytes after its head, got 139",)),
    "long": (lambda c: c + b"1", ("got 141",)),
    "head": (lambda c: c[:9], ("and 9 bytes",)),
    "empty": (lambda _: b"", ("and 0 bytes",)),
    "packed short": (lambda c: gzip.compress(c)[:-9], ("expected a complete file",)),
    "fewer": (lambda _: idx(np.zeros((6, 5, 4))), ("a label for each of 6 images, got 7",)),
}


@pytest.mark.parametrize(("damage", "parts"), BAD_IDX.values(), ids=BAD_IDX)
def test_bad_idx(tmp_path: Path, damage: Callable[[bytes], bytes], parts: tuple[str, ...]) -> None:
    write_idx(tmp_path, "train", *random_images(7, 5, 4))
    file = tmp_path / "train-images-idx3-ubyte"
    file.write_bytes(damage(file.read_bytes()))
    refused(tmp_path, *parts)


def test_idx_that_do_not_belong_together(tmp_path: Path) -> None:
    x, y = random_images(7, 5, 4)
    write_idx(tmp_path, "train", x, y)
    write_idx(tmp_path, "t10k", x, y + 1)
    refused(tmp_path, "test labels: expected those of the training part, 0, 1, 2, got 3")
    (tmp_path / "t10k-labels-idx1-ubyte.gz").unlink()
    refused(tmp_path, "expected an idx file of the labels of test")
    write_idx(tmp_path, "emnist-train", x, y)
    refused(tmp_path, "expected one idx file of the images of train")


class Evil:
    def __reduce__(self) -> tuple[object, ...]:
        return os.mkdir, ("/tmp/udsgd-was-here",)  # noqa: S108 - never made


BAD_CIFAR = {
    "code": (Evil(), ("got posix.mkdir",)),
    "code inside": ({b"data": [Evil()], b"labels": []}, ("got posix.mkdir",)),
    "no dictionary": ([1, 2], ("expected a pickled dictionary, got list",)),
    "no images": ({b"labels": [1]}, ("data of shape (images, 3072), got NoneType",)),
    "floats": ({b"data": np.zeros((1, 3072)), b"labels": [0]}, ("arrays of bytes (u1), got",)),
    "objects": ({b"data": np.array([Evil()]), b"labels": [0]}, ("arrays of bytes (u1), got",)),
    "other size": ({b"data": np.zeros((1, 9), np.uint8), b"labels": [0]}, ("got (1, 9)",)),
    "fewer labels": ({b"data": np.zeros((2, 3072), np.uint8), b"labels": [0]}, ("of 2 images",)),
    "labels outside": (
        {b"data": np.zeros((2, 3072), np.uint8), b"labels": [0, 3]},
        ("labels: expected 0 to 2", "got 3"),
    ),
}


@pytest.mark.parametrize(("content", "parts"), BAD_CIFAR.values(), ids=BAD_CIFAR)
def test_bad_batches_of_cifar(tmp_path: Path, content: object, parts: tuple[str, ...]) -> None:
    write_cifar(tmp_path)
    (tmp_path / "data_batch_2").write_bytes(pickle.dumps(content, 2))
    refused(tmp_path, *parts)
    assert not Path("/tmp/udsgd-was-here").exists()  # noqa: S108


def test_batches_of_cifar_that_are_not_whole(tmp_path: Path) -> None:
    write_cifar(tmp_path)
    file = tmp_path / "data_batch_2"
    file.write_bytes(file.read_bytes()[:500])
    refused(tmp_path, "data_batch_2: expected a batch of CIFAR")
    (tmp_path / "data_batch_1").unlink()
    refused(tmp_path, "expected data_batch_1 to data_batch_2, got only 2")


X, Y = random_images(6, 5, 4)

BAD_ARRAYS = {
    "no labels": ({"x": X}, ("an array of the labels of train", "got x")),
    "nothing": ({}, ("got none",)),
    "two": ({"x": X, "images": X, "y": Y}, ("one array of the images of train, got x and images",)),
    "pickled": ({"x": X, "y": np.array([*Y, None])}, ("y: expected an array of numbers",)),
    "flat": ({"x": X.reshape(6, -1), "y": Y}, ("got the shape (6, 20)",)),
    "five channels": ({"x": np.zeros((6, 5, 5, 5)), "y": Y}, ("1, 3 or 4 channels",)),
    "fractions": ({"x": X / 255, "y": Y}, ("whole numbers from 0 to 255", "float64")),
    "NaN": ({"x": X * np.nan, "y": Y}, ("whole numbers from 0 to 255",)),
    "above 255": ({"x": X.astype(int) + 1, "y": Y}, ("whole numbers from 0 to 255",)),
    "text": ({"x": X, "y": Y.astype(str)}, ("y: expected a whole number for each of 6 images",)),
    "one-hot labels": ({"x": X, "y": np.eye(6)}, ("y: expected a whole number", "(6, 6)")),
    "fewer labels": ({"x": X, "y": Y[:5]}, ("each of 6 images", "(5,)")),
    "one class": ({"x": X, "y": Y * 0}, ("expected images of two classes or more",)),
    "new in test": (
        {"x": X, "y": Y % 2, "x_test": X, "y_test": Y},
        ("test labels: expected those of the training part, 0, 1, got 2",),
    ),
    "other size in test": (
        {"x": X, "y": Y, "x_test": X[:, 1:], "y_test": Y},
        ("x_test: expected images of the shape", "(1, 4, 4)"),
    ),
}


@pytest.mark.parametrize(("arrays", "parts"), BAD_ARRAYS.values(), ids=BAD_ARRAYS)
def test_bad_arrays(tmp_path: Path, arrays: dict[str, np.ndarray], parts: tuple[str, ...]) -> None:
    np.savez(tmp_path / "a.npz", **arrays)
    refused(tmp_path / "a.npz", *parts)


def test_archives_that_are_not_whole(tmp_path: Path) -> None:
    x, y = random_images(6, 40, 40)
    np.savez(tmp_path / "a.npz", x=x, y=y)
    for name, writer in WRITERS.items():
        if name != "folder":
            writer(tmp_path / name, by_class(x, y))
    for file in tmp_path.iterdir():
        file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
        refused(file, "get it again")


BAD_FILES = {
    "another size": ({"dog/new.png": png(X[0, :3])}, ("expected 4 × 5 pixels", "got 4 × 3")),
    "colour": (
        {"dog/new.png": png(np.zeros((5, 4, 3), np.uint8))},
        ("with 1 channel, as", "with 3 channels"),
    ),
    "16 bits": ({"dog/new.png": png(np.zeros((5, 4), np.uint16))}, ("got the kind 'I;16'",)),
    "truncated": ({"dog/new.png": png(X[0])[:-25]}, ("dog/new.png: expected a complete image",)),
    "no image": ({"dog/new.jpg": b"no image"}, ("got: no known format; replace it",)),
    "empty": ({"dog/new.jpg": b""}, ("got: no known format",)),
    "another file": ({"dog/notes.txt": b"x"}, ("dog/notes.txt: expected image files alone",)),
    "train and a class": ({"train/a/1.png": png(X[0])}, ("expected train and test, or",)),
}


@pytest.mark.parametrize(("files", "parts"), BAD_FILES.values(), ids=BAD_FILES)
def test_bad_image_files(tmp_path: Path, files: dict[str, bytes], parts: tuple[str, ...]) -> None:
    refused(write_folder(tmp_path / "pets", by_class(X, Y) | files), *parts)


def test_bad_folders(tmp_path: Path) -> None:
    source = write_folder(tmp_path / "pets", by_class(X, Y, "train/") | by_class(X, Y, "test/"))
    (source / "train/bird").mkdir()
    refused(source, "training: expected images in the folder of each class, got none in bird")
    (source / "train/bird").rmdir()
    (source / "test/dog").rename(source / "test/wolf")
    refused(source, "test: expected the classes of training, cat, dog, frog, got wolf")
    refused(write_folder(tmp_path / "one", {"cat/1.png": png(X[0])}), "got cat; sort the images")
    refused(write_folder(tmp_path / "loose", {"1.png": png(X[0])}), "got none; sort the images")
    (tmp_path / "empty").mkdir()
    refused(tmp_path / "empty", "got none; sort the images")
    os.mkfifo(source / "train/cat/fifo.png")
    (source / "test/wolf").rename(source / "test/dog")
    refused(source, "train/cat/fifo.png: expected a regular file, got a FIFO")


def test_archives_that_reach_out(tmp_path: Path) -> None:
    for name in ("../cat/1.png", "/cat/1.png", "dog/../../1.png"):
        files = by_class(X, Y) | {name: png(X[0])}
        refused(
            write_tar(tmp_path / "a.tar.gz", files), f"{name!r}: expected names of files within"
        )
        refused(write_zip(tmp_path / "a.zip", files), "one that leads out of it")
    with tarfile.open(tmp_path / "b.tar", "w") as file:
        link = tarfile.TarInfo("cat/1.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        file.addfile(link)
    refused(tmp_path / "b.tar", "cat/1.png: expected files and folders, got a link")


def test_without_pillow_the_message_names_the_extra(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = write_folder(tmp_path / "pets", by_class(X, Y))
    monkeypatch.setitem(sys.modules, "PIL", None)
    refused(source, "pip install 'udsgd_mpi[images]'")


def test_a_name_that_is_no_source(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="did you mean 'digit_images'"):
        load("digit_image")
    with pytest.raises(ConfigurationError, match=r"none\.tar\.gz: cannot be read \(No such file"):
        load(str(tmp_path / "none.tar.gz"))
