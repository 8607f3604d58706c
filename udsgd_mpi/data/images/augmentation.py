"""Random crops and reflections of images, drawn from the run's own streams."""

from collections.abc import Callable
from functools import partial
from typing import Annotated, NamedTuple

import numpy as np
from msgspec import Meta, Struct
from numpy.typing import NDArray

from udsgd_mpi.data.images.pixels import Pixels
from udsgd_mpi.kernels.random_numbers import Purpose, random_bits

Bits = NDArray[np.uint64]

_BITS_OF_A_SHIFT = 21


class Augmentation(Struct, frozen=True, forbid_unknown_fields=True):
    """How images are varied each time they are used.

    Parameters
    ----------
    crop
        Pixels of black around an image, out of which one of its size is cut at random.
    flip
        Whether it is reflected, left to right, every other time at random.
    """

    crop: Annotated[int, Meta(ge=0, le=1000)] = 0
    flip: bool = False

    def __call__(self, images: Pixels, seed: int, agent: int, trial: int, step: int) -> Pixels:
        """Images (batch, channels, height, width), varied: a pure function of the arguments.

        Parameters
        ----------
        step
            Number n of the update that uses them.
        """
        bits = _bits(len(images), seed, agent, trial, step)
        if self.crop:
            images = _cropped(images, bits, self.crop)
        if self.flip:
            flipped = (bits & np.uint64(1)).astype(bool)
            images = np.where(flipped[:, None, None, None], images[..., ::-1], images)
        return images


class Variation(NamedTuple):
    """An augmentation in the steps of a process's agents.

    Attributes
    ----------
    agents, trials
        Their numbers.
    n
        Step after which the steps begin.
    """

    augment: Augmentation
    seed: int
    agents: range
    trials: range
    n: int = 0

    def of(self, i: int, t: int, k: int) -> Callable[[Pixels], Pixels]:
        """What becomes of the i-th agent's images in the t-th trial and the k-th step."""
        return partial(
            self.augment,
            seed=self.seed,
            agent=self.agents[i],
            trial=self.trials[t],
            step=self.n + k + 1,
        )


def _bits(images: int, seed: int, agent: int, trial: int, step: int) -> Bits:
    """64 random bits for each image of a batch."""
    bits = np.empty((images, 1, 1), dtype=np.uint64)
    for k in range(images):
        # Purposes are below 2⁸, and a word of the counter has 32 bits.
        random_bits(seed, Purpose.AUGMENTATION + (k << 8), agent, trial, step, bits[k])
    return bits[:, 0, 0]


def _cropped(images: Pixels, bits: Bits, margin: int) -> Pixels:
    batch, channels, height, width = images.shape
    padded = np.zeros((batch, channels, height + 2 * margin, width + 2 * margin), dtype=np.uint8)
    padded[:, :, margin : margin + height, margin : margin + width] = images
    down, right = (_shifts(bits >> np.uint64(at), margin) for at in (43, 22))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (height, width), axis=(2, 3))
    return np.ascontiguousarray(windows[np.arange(batch), :, down, right])


def _shifts(bits: Bits, margin: int) -> NDArray[np.int64]:
    """Whole numbers from 0 to twice the margin, all but equally likely."""
    some = bits & np.uint64(2**_BITS_OF_A_SHIFT - 1)
    return ((some * np.uint64(2 * margin + 1)) >> np.uint64(_BITS_OF_A_SHIFT)).astype(np.int64)
