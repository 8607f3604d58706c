"""Random crops and reflections are a pure function of (seed, agent, trial, step), and are fair."""

import numpy as np
import pytest

from udsgd_mpi.data.images.augmentation import Augmentation
from udsgd_mpi.experiment.check import check
from udsgd_mpi.support.errors import ConfigurationError

WHERE = {"seed": 5, "agent": 3, "trial": 2, "step": 17}


def marked(batch: int, height: int = 8, width: int = 6) -> np.ndarray:
    """Images of which every pixel tells where it was."""
    places = np.arange(1, 1 + 2 * height * width).reshape(2, height, width)
    return np.repeat(places[None].astype(np.uint8), batch, axis=0)


def where_from(image: np.ndarray, original: np.ndarray, most: int = 2) -> tuple[int, int, bool]:
    """How far an image was moved down and right, and whether it was reflected, by trying all."""
    height, width = image.shape[1:]
    padded = np.pad(original, ((0, 0), (most, most), (most, most)))
    found = [
        (down, right, flipped)
        for flipped in (False, True)
        for down in range(-most, most + 1)
        for right in range(-most, most + 1)
        if np.array_equal(
            image[..., ::-1] if flipped else image,
            padded[:, most + down :, most + right :][:, :height, :width],
        )
    ]
    assert len(found) == 1
    return found[0]


def test_images_are_moved_and_reflected_whole() -> None:
    images = marked(20)
    varied = Augmentation(crop=2, flip=True)(images, **WHERE)
    assert varied.shape == images.shape
    assert varied.dtype == np.uint8
    np.testing.assert_array_equal(images, marked(20))  # what an agent holds stays
    found = {where_from(image, images[0]) for image in varied}
    assert len(found) > 10


@pytest.mark.parametrize("key", WHERE)
def test_another_key_gives_other_draws(key: str) -> None:
    vary = Augmentation(crop=4, flip=True)
    images = marked(25)
    np.testing.assert_array_equal(vary(images, **WHERE), vary(images, **WHERE))
    other = WHERE | {key: WHERE[key] + 1}
    assert (vary(images, **other) != vary(images, **WHERE)).any(axis=(1, 2, 3)).mean() > 0.9


def test_an_image_is_varied_whatever_else_is_in_its_batch() -> None:
    vary = Augmentation(crop=4, flip=True)
    images = marked(25)
    np.testing.assert_array_equal(vary(images, **WHERE)[:7], vary(images[:7], **WHERE))


def test_all_places_are_equally_likely() -> None:
    vary, images = Augmentation(crop=1, flip=True), marked(25)
    counts = np.zeros((3, 3, 2))
    for step in range(40):
        for image in vary(images, seed=1, agent=0, trial=0, step=step):
            down, right, flipped = where_from(image, images[0], 1)
            counts[down + 1, right + 1, int(flipped)] += 1
    expected = 25 * 40 / counts.size
    assert ((counts - expected) ** 2 / expected).sum() < 41  # χ² with 17 degrees, 0.1 %


def test_nothing_asked_for_changes_nothing() -> None:
    images = marked(3)
    np.testing.assert_array_equal(Augmentation()(images, **WHERE), images)


def test_first_draws_stay_as_they_are() -> None:
    """Checkpoints of earlier versions go on with the same bits."""
    found = [where_from(image, marked(1)[0]) for image in Augmentation(2, True)(marked(4), **WHERE)]
    assert found == [(1, 2, False), (-2, -1, False), (2, 2, True), (2, -2, False)]


def test_objectives_that_read_features_refuse_it() -> None:
    settings = {"data": {"augment": {"flip": True}}, "groups": {"all": {"sampler": "iid"}}}
    with pytest.raises(ConfigurationError, match="an objective that reads images"):
        check(settings)
