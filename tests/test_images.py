"""Images are read alike in every format in which they are published, or refused in one message.

Two slow tests need UDSGD_DATA to name a folder with MNIST's four files, as torchvision downloads
them, and with the images of CIFAR-10 as JPEG in train/CLASS and test/CLASS, cifar10_jpeg.tar.gz.
"""

import gzip
import hashlib
import os
import pickle
import tarfile
from pathlib import Path

import numpy as np
import pytest

from tests.image_files import (
    CLASSES,
    WRITERS,
    by_class,
    png,
    random_images,
    write_cifar,
    write_folder,
    write_idx,
)
from udsgd_mpi.data.datasets import load, load_test_part
from udsgd_mpi.data.images.pixels import Moments


def check(source: Path, x: np.ndarray, y: np.ndarray, names: tuple[str, ...] = CLASSES) -> None:
    """That the training part has these pixels (images, channels, height, width) and labels."""
    dataset = load(str(source))
    assert dataset.image is not None
    assert dataset.image.shape == x.shape[1:]
    assert dataset.image.classes == names
    assert dataset.features.dtype == np.uint8
    np.testing.assert_array_equal(dataset.features, x.reshape(len(x), -1))
    np.testing.assert_array_equal(dataset.labels, y)


def check_test(source: Path, x: np.ndarray, y: np.ndarray) -> None:
    found = load_test_part(str(source))
    assert found is not None
    assert found.image == load(str(source)).image
    np.testing.assert_array_equal(found.features, x.reshape(len(x), -1))
    np.testing.assert_array_equal(found.labels, y)


@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_batches_of_cifar_in_a_folder(tmp_path: Path, protocol: int) -> None:
    held = write_cifar(tmp_path / "cifar", protocol=protocol)
    check(tmp_path / "cifar", held["x"], held["y"])
    check_test(tmp_path / "cifar", held["x_test"], held["y_test"])


def test_batches_of_cifar_as_published(tmp_path: Path) -> None:
    held = write_cifar(tmp_path / "cifar-10-batches-py")
    with tarfile.open(tmp_path / "cifar-10-python.tar.gz", "w:gz") as file:
        file.add(tmp_path / "cifar-10-batches-py", "cifar-10-batches-py")
    check(tmp_path / "cifar-10-python.tar.gz", held["x"], held["y"])


def test_cifar_of_a_hundred_classes(tmp_path: Path) -> None:
    pixels, labels = random_images(6, 3, 32, 32)
    rows = {"data": pixels.reshape(6, -1), "fine_labels": labels.tolist(), "coarse_labels": [0] * 6}
    names = {"fine_label_names": list(CLASSES), "coarse_label_names": ["pets"]}
    for name, content in (("train", rows), ("test", rows), ("meta", names)):
        (tmp_path / name).write_bytes(pickle.dumps(content, 2))
    check(tmp_path, pixels, labels)


def test_idx_files(tmp_path: Path) -> None:
    x, y = random_images(7, 5, 4)
    write_idx(tmp_path, "train", x, y + 4)
    check(tmp_path, x[:, None], y, ("4", "5", "6"))
    assert load_test_part(str(tmp_path)) is None
    write_idx(tmp_path, "t10k", x[:3], y[:3] + 4)
    check_test(tmp_path, x[:3], y[:3])


@pytest.mark.parametrize(
    "names",
    [
        ("x", "y", None, None),
        ("data", "target", None, None),
        ("x_train", "y_train", "x_test", "y_test"),
        ("train_images", "train_labels", "test_images", "test_labels"),
    ],
)
@pytest.mark.parametrize("channels_last", [True, False])
def test_arrays(tmp_path: Path, names: tuple[str, ...], channels_last: bool) -> None:
    x, y = random_images(8, 3, 6, 5)
    as_saved = np.moveaxis(x, 1, 3).astype(float) if channels_last else x
    values = (as_saved, y[:, None], as_saved[:4], y[:4])
    arrays = {name: array for name, array in zip(names, values, strict=True) if name}
    np.savez_compressed(tmp_path / "a.npz", **arrays, val_images=as_saved[:1], note=np.zeros(3))
    check(tmp_path / "a.npz", x, y, ("0", "1", "2"))
    if names[2]:
        check_test(tmp_path / "a.npz", x[:4], y[:4])


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_image_files_by_class(tmp_path: Path, name: str, channels: int) -> None:
    x, y = random_images(9, 6, 5, channels)
    x = x[..., 0] if channels == 1 else x
    files = by_class(x, y, "set/train/") | by_class(x[:4], y[:4], "set/test/")
    files |= {"set/README.md": b"all of it", "set/train/cat/.DS_Store": b"", "set/val/x.png": b""}
    files = dict(reversed(files.items()))  # no order of an archive counts
    source = WRITERS[name](tmp_path / name, files)
    order, few = np.argsort(y, kind="stable"), np.argsort(y[:4], kind="stable")
    x = x[:, None] if channels == 1 else np.moveaxis(x, 3, 1)
    check(source, x[order], y[order])
    check_test(source, x[:4][few], y[:4][few])


def test_without_parts_all_is_for_training(tmp_path: Path) -> None:
    x, y = random_images(6, 4, 4)
    files = by_class(x, y)
    files["cat/more/deep.png"] = png(x[0])
    source = write_folder(tmp_path / "pets", files)
    assert load_test_part(str(source)) is None
    assert np.bincount(load(str(source)).labels.astype(int)).tolist() == [3, 2, 2]


def test_classes_that_are_numbers_are_in_their_order(tmp_path: Path) -> None:
    files = {f"{k}/a.png": png(np.full((2, 2), k, dtype=np.uint8)) for k in (10, 9, 1)}
    dataset = load(str(write_folder(tmp_path / "numbers", files)))
    assert dataset.image.classes == ("1", "9", "10")
    assert dataset.features[:, 0].tolist() == [1, 9, 10]


def test_a_folder_that_has_changed_is_read_anew(tmp_path: Path) -> None:
    x, y = random_images(6, 4, 4)
    source = write_folder(tmp_path / "pets", by_class(x, y))
    assert len(load(str(source)).labels) == 6
    (source / "cat/new.png").write_bytes(png(x[0]))
    assert len(load(str(source)).labels) == 7


def test_links_in_folders_are_followed_but_not_in_circles(tmp_path: Path) -> None:
    x, y = random_images(6, 4, 4)
    source = write_folder(tmp_path / "pets", by_class(x, y))
    (source / "cat").rename(tmp_path / "cats")
    (source / "cat").symlink_to(tmp_path / "cats")
    (source / "cat/again").symlink_to(source)
    assert len(load(str(source)).labels) == 6


def test_moments_are_those_of_all_pixels() -> None:
    pixels, _ = random_images(2300, 3, 5, 4)
    pixels[:, 1] = 7
    moments = Moments.of(pixels)
    np.testing.assert_allclose(moments.mean, pixels.mean(axis=(0, 2, 3)), rtol=1e-14)
    deviation = pixels.std(axis=(0, 2, 3))
    deviation[1] = 1
    np.testing.assert_allclose(moments.deviation, deviation, rtol=1e-13)


def test_bundled_digits_are_those_of_scikit_learn() -> None:
    from sklearn.datasets import load_digits

    digits = load_digits()
    training, test = load("digit_images"), load_test_part("digit_images")
    assert test is not None
    rows = np.concatenate([training.features, test.features])
    np.testing.assert_array_equal(np.rint(rows / 255 * 16), digits.data)
    np.testing.assert_array_equal(np.concatenate([training.labels, test.labels]), digits.target)


DATA = os.environ.get("UDSGD_DATA", "")
# SHA-256 of the pixels after one another, by code that knows nothing of this package's.


@pytest.mark.slow
@pytest.mark.skipif(
    not (Path(DATA) / "train-images-idx3-ubyte.gz").is_file(),
    reason="UDSGD_DATA names no folder with train-images-idx3-ubyte.gz",
)
def test_mnist_as_published() -> None:
    for part, dataset in (("train", load(DATA)), ("t10k", load_test_part(DATA))):
        assert dataset is not None
        content = gzip.decompress((Path(DATA) / f"{part}-images-idx3-ubyte.gz").read_bytes())
        assert len(dataset.labels) == {"train": 60_000, "t10k": 10_000}[part]
        assert dataset.features.tobytes() == content[16:]
        labels = gzip.decompress((Path(DATA) / f"{part}-labels-idx1-ubyte.gz").read_bytes())
        assert dataset.labels.astype(np.uint8).tobytes() == labels[8:]
    image = load(DATA).image
    # As in PyTorch's example of MNIST: transforms.Normalize((0.1307,), (0.3081,)).
    assert round(image.mean[0] / 255, 4) == 0.1307
    assert round(image.deviation[0] / 255, 4) == 0.3081


@pytest.mark.slow
@pytest.mark.skipif(
    not (Path(DATA) / "cifar10_jpeg.tar.gz").is_file(),
    reason="UDSGD_DATA names no folder with cifar10_jpeg.tar.gz",
)
def test_cifar_by_class() -> None:
    source = str(Path(DATA) / "cifar10_jpeg.tar.gz")
    training, test = load(source), load_test_part(source)
    assert test is not None
    assert np.bincount(training.labels.astype(int)).tolist() == [5000] * 10
    assert np.bincount(test.labels.astype(int)).tolist() == [1000] * 10
    assert training.image.shape == (3, 32, 32)
    assert training.image.classes[::9] == ("airplane", "truck")
    # Of CIFAR-10 as it is normalised everywhere, (0.4914, 0.4822, 0.4465); JPEG loses a little.
    np.testing.assert_allclose(
        np.array(training.image.mean) / 255, (0.4914, 0.4822, 0.4465), atol=5e-4
    )
    with tarfile.open(source) as file:
        names = sorted(name for name in file.getnames() if name.startswith("test/dog/0"))
        from PIL import Image

        stream = file.extractfile(names[7])
        assert stream is not None
        pixels = np.array(Image.open(stream).convert("RGB"))
    row = test.features[5 * 1000 + 7]
    digests = [hashlib.sha256(bytes(v)).hexdigest() for v in (row, pixels.transpose(2, 0, 1))]
    assert digests[0] == digests[1]
