# ruff: noqa: T201
"""Time of a network's step: the package against PyTorch's own training loop.

Both take steps of one model with the same mini-batches of 25 images, on one thread and in turns;
the loop is that of PyTorch's tutorials, with its optimiser. Processor time is what counts, and
ratios are of repeats that follow each other, so that other programs disturb less.
"""

import sys
import time
from collections.abc import Callable
from statistics import median

import numpy as np
import torch

from udsgd_mpi.data.images.pixels import ImageFormat
from udsgd_mpi.kernels.aligned import aligned_zeros
from udsgd_mpi.objectives import Network, Points
from udsgd_mpi.objectives.network.build import build, seed_of

BATCH, BATCHES, SHAPE, CLASSES = 25, 40, (3, 32, 32), 10
REPEATS = {"cnn5": (80, 10), "resnet18": (7, 1)}  # and steps in each
GAMMA = 1e-3
MEAN, DEVIATION = (125.0, 123.0, 114.0), (63.0, 62.0, 67.0)


def main(models: list[str]) -> None:
    """Print a row for each model."""
    torch.set_num_threads(1)
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (BATCH * BATCHES, *SHAPE), dtype=np.uint8)
    labels = rng.integers(0, CLASSES, len(images))
    print("ms a step of 25 images, median of repeats; ratio of paired repeats, median (quartiles)")
    print("| model | package | plain loop | package / plain |\n|---|---|---|---|")
    for model in models:
        repeats, steps = REPEATS[model]
        runs = [package(model, images, labels), plain(model, images, labels)]
        times: list[list[float]] = [[], []]
        for repeat in range(-1, repeats):  # -1 warms up
            X = BATCH * rng.integers(0, BATCHES, steps)
            for run, taken in zip(runs, times, strict=True):
                start = time.process_time()
                run(X)
                if repeat >= 0:
                    taken.append((time.process_time() - start) / steps)
        ratios = np.array(times[0]) / np.array(times[1])
        low, middle, high = np.quantile(ratios, (0.25, 0.5, 0.75))
        ours, theirs = (1e3 * median(taken) for taken in times)
        ratio = f"{middle:.3f} ({low:.3f} to {high:.3f})"
        print(f"| {model} | {ours:.2f} | {theirs:.2f} | {ratio} |")


def package(model: str, images: np.ndarray, labels: np.ndarray) -> Callable[[np.ndarray], None]:
    """A call for each step, as an agent that exchanges at every step makes it."""
    network = Network(model=model).on(SHAPE, CLASSES)
    image = ImageFormat(SHAPE, tuple("0123456789"), MEAN, DEVIATION)
    flat = images.reshape(len(images), -1)
    points = Points(flat, labels.astype(float), np.ones(len(labels)), image)
    d = network.dimension(SHAPE, CLASSES)
    theta = aligned_zeros((1, 1, d), np.dtype(np.float32))
    theta[:] = network.initial(d, 1, range(1))
    gamma, batch = np.array([GAMMA]), np.array([BATCH])

    def run(X: np.ndarray) -> None:
        for x in X.astype(np.int32):
            network.descend(theta, x.reshape(1, 1, 1), gamma, points, batch)

    return run


def plain(model: str, images: np.ndarray, labels: np.ndarray) -> Callable[[np.ndarray], None]:
    """The loop of PyTorch's tutorials, with images as bytes in memory."""
    module = build(Network(model=model).on(SHAPE, CLASSES), seed_of(1, 0)).train()
    optimizer = torch.optim.SGD(module.parameters(), lr=GAMMA)
    criterion = torch.nn.CrossEntropyLoss()
    mean, deviation = torch.tensor([MEAN, DEVIATION])[:, :, None, None]
    features, classes = torch.from_numpy(images), torch.from_numpy(labels)

    def run(X: np.ndarray) -> None:
        for x in X.tolist():
            inputs = (features[x : x + BATCH].float() - mean) / deviation
            optimizer.zero_grad()
            criterion(module(inputs), classes[x : x + BATCH]).backward()
            optimizer.step()

    return run


if __name__ == "__main__":
    main(sys.argv[1:] or [*REPEATS])
