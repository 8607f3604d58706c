"""What rows of 8-bit pixels mean, and how they become numbers."""

from dataclasses import dataclass
from functools import cached_property
from math import sqrt
from typing import NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.data.features import Features

Pixels: TypeAlias = NDArray[np.uint8]
Floats = NDArray[np.float64]

WHITE = 255


class NotImages(ValueError):  # noqa: N818 - what was found, rather than what went wrong
    """A source is no set of images; the message says what was expected and what came."""


class Images(NamedTuple):
    """Images of one size and their labels.

    Attributes
    ----------
    pixels
        Shape (images, channels, height, width).
    labels
        Index of each image's class, shape (images,).
    """

    pixels: Pixels
    labels: NDArray[np.int64]


class ImageFormat(NamedTuple):
    """What rows of pixels mean.

    Attributes
    ----------
    shape
        Channels, height and width; a row holds one channel after the other, row by row.
    classes
        Names of the classes, one for each label.
    mean, deviation
        Of the pixels of each channel, from 0 to 255; what they are normalised by.
    """

    shape: tuple[int, int, int]
    classes: tuple[str, ...]
    mean: tuple[float, ...]
    deviation: tuple[float, ...]

    @classmethod
    def of(
        cls, shape: tuple[int, int, int], classes: tuple[str, ...], moments: "Moments"
    ) -> "ImageFormat":
        """Such that pixels of these moments become numbers of mean 0 and variance 1."""
        return cls(shape, classes, moments.mean, moments.deviation)

    @property
    def unshifted(self) -> "ImageFormat":
        """The same, but normalised to numbers from 0, black, to 1."""
        channels = self.shape[0]
        return self._replace(mean=(0.0,) * channels, deviation=(float(WHITE),) * channels)

    def normalized(self, pixels: Pixels) -> NDArray[np.float32]:
        """(pixels − mean) / deviation of each channel; (rows, C H W) becomes (rows, C, H, W)."""
        images = pixels.reshape(-1, *self.shape).astype(np.float32)
        images -= np.array(self.mean, dtype=np.float32)[:, None, None]
        images /= np.array(self.deviation, dtype=np.float32)[:, None, None]
        return images


def as_floats(pixels: Features) -> Floats:
    """Pixels as numbers from 0, black, to 1, for objectives that know nothing of images."""
    return np.asarray(pixels / WHITE)


class Moments(NamedTuple):
    """Sums over the pixels of each channel, in whole numbers: of any parts they add up exactly."""

    number: int
    sums: tuple[int, ...]
    squares: tuple[int, ...]

    @classmethod
    def of(cls, pixels: Pixels) -> "Moments":
        """Of images (images, channels, height, width)."""
        # By how often each shade is there, which takes no memory of the size of the images.
        counts = [
            sum(np.bincount(part[:, c].ravel(), minlength=WHITE + 1) for part in _parts(pixels))
            for c in range(pixels.shape[1])
        ]
        shades = np.arange(WHITE + 1)
        return cls(
            int(pixels[:, 0].size),
            tuple(int(count @ shades) for count in counts),
            tuple(int(count @ shades**2) for count in counts),
        )

    def plus(self, other: "Moments") -> "Moments":
        """Of the pixels of both."""
        sums, squares = (
            tuple(map(int.__add__, mine, others))
            for mine, others in ((self.sums, other.sums), (self.squares, other.squares))
        )
        return Moments(self.number + other.number, sums, squares)

    @property
    def mean(self) -> tuple[float, ...]:
        """Mean of each channel."""
        return tuple(total / self.number for total in self.sums)

    @property
    def deviation(self) -> tuple[float, ...]:
        """Standard deviation of each channel; 1 where all pixels are the same."""
        n = self.number
        variances = [n * q - s * s for s, q in zip(self.sums, self.squares, strict=True)]
        return tuple(sqrt(variance) / n if variance else 1.0 for variance in variances)


@dataclass(frozen=True)
class ImageSet:
    """A data set of images.

    Attributes
    ----------
    test
        Images that nobody trains on; None where the source tells none apart.
    classes
        Names of the classes, one for each label.
    """

    training: Images
    test: Images | None
    classes: tuple[str, ...]

    @cached_property
    def moments(self) -> Moments:
        """Of the pixels for training."""
        return Moments.of(self.training.pixels)

    @property
    def format(self) -> ImageFormat:
        """What its rows mean."""
        _, channels, height, width = self.training.pixels.shape
        return ImageFormat.of((channels, height, width), self.classes, self.moments)


def _parts(pixels: Pixels) -> list[Pixels]:
    return np.array_split(pixels, -(-len(pixels) // 1000) or 1)
