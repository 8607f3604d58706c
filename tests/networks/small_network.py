"""Networks on random points, and what tests of them share; imports PyTorch."""

import numpy as np
import torch

from udsgd_mpi.data.images.pixels import ImageFormat
from udsgd_mpi.kernels.aligned import aligned_zeros
from udsgd_mpi.objectives import Network, Points
from udsgd_mpi.objectives.network.settings import NetworkOn

SINGLE, DOUBLE = np.dtype(np.float32), np.dtype(np.float64)
IMAGE, TINY = (3, 32, 32), (3, 16, 16)
SEED = 5


def images(number: int, batch: int = 1, shape: tuple[int, int, int] = IMAGE) -> Points:
    """Images at random with labels of ten classes, and one weight for each mini-batch."""
    rng = np.random.default_rng(number)
    features = rng.integers(0, 256, (number, int(np.prod(shape))), dtype=np.uint8)
    weights = np.repeat(rng.uniform(0.5, 1.5, number // batch), batch)
    image = ImageFormat(shape, tuple("0123456789"), (120.0, 125.0, 130.0), (60.0, 70.0, 80.0))
    return Points(features, rng.integers(0, 10, number).astype(float), weights, image)


def normalised(points: Points, rows: slice) -> torch.Tensor:
    """Images as numbers, shape (images, channels, height, width)."""
    assert points.image is not None
    return torch.from_numpy(points.image.normalized(points.features[rows]))


def on(shape: tuple[int, ...], **settings: object) -> NetworkOn:
    """A network of ten outputs on points of a shape."""
    return Network(**settings).on(shape, 10)  # type: ignore[arg-type]


def start(network: NetworkOn, agents: int, trials: int, dtype: np.dtype = SINGLE) -> np.ndarray:
    """θ_0, shape (agents, trials, d)."""
    d = network.dimension(network.shape, 10)
    theta = aligned_zeros((agents, trials, d), dtype)
    theta[:] = network.initial(d, SEED, range(trials))
    return theta


def floats(number: int = 8) -> Points:
    """Points of 16 features, each of a class of its own."""
    rng = np.random.default_rng(4)
    return Points(rng.normal(size=(number, 16)), np.arange(float(number)), np.ones(number))
