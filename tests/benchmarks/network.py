# ruff: noqa: T201
"""Time of a network's step and of mixing networks, against PyTorch's own loop and one pass.

Both take steps of one model with the same mini-batches of 25 images, on one thread and in turns;
the loop is that of PyTorch's tutorials, with its optimiser. As the same gradient takes 5 % more or
less from one step to the next, what either does beside it is listed, too. Then ten models are mixed
on one rank; one pass over memory copies as many. Processor time is what counts, and ratios are of
repeats that follow each other, so that other programs disturb less.
"""

import sys
import time
from collections.abc import Callable
from functools import partial
from typing import ParamSpec, TypeVar

import numpy as np
import torch
from mpi4py import MPI

from udsgd_mpi.communication import DSGD, LSGDPP, Centralized, Pattern
from udsgd_mpi.data.images.pixels import ImageFormat
from udsgd_mpi.engine.iterates import THETA, Iterates
from udsgd_mpi.graphs.generators import Ring
from udsgd_mpi.kernels.aligned import aligned_zeros
from udsgd_mpi.objectives import Network, Points
from udsgd_mpi.objectives.network.build import build, seed_of
from udsgd_mpi.objectives.network.descent import Descent
from udsgd_mpi.parallel.mixing import Mixer
from udsgd_mpi.support.meter import Meter

P, R = ParamSpec("P"), TypeVar("R")

BATCH, BATCHES, SHAPE, CLASSES = 25, 40, (3, 32, 32), 10
REPEATS = {"cnn5": (80, 10), "resnet18": (21, 1)}  # and steps in each
GAMMA = 1e-3
AGENTS, MIXINGS = 10, 9
PATTERNS = DSGD(), Centralized(), LSGDPP(participants=4, interval=1)
IN_GRADIENTS = [0.0]  # seconds
MEAN, DEVIATION = (125.0, 123.0, 114.0), (63.0, 62.0, 67.0)


def main(models: list[str]) -> None:
    """Print a row for each model."""
    torch.set_num_threads(1)
    Descent._slopes = gradient(Descent._slopes)
    rng = np.random.default_rng(1)
    images = rng.integers(0, 256, (BATCH * BATCHES, *SHAPE), dtype=np.uint8)
    labels = rng.integers(0, CLASSES, len(images))
    print("ms a step of 25 images, median of repeats; ratio of paired repeats, median (quartiles)")
    print("| model | package | plain loop | package / plain | beside gradients: package | plain |")
    print("|---|---|---|---|---|---|")
    for model in models:
        print(f"| {model} | {step_of(model, images, labels)} |", flush=True)
    print(f"ms to mix {AGENTS} models, and to copy them; median, ratio as above")
    print("| model | pattern | mixing | one pass | GB/s of it | mixing / one pass |")
    print("|---|---|---|---|---|---|")
    for model in models:
        for pattern in PATTERNS:
            print(f"| {model} | {mixing_of(model, pattern)} |", flush=True)


def step_of(model: str, images: np.ndarray, labels: np.ndarray) -> str:
    """Columns of the table for a model's step."""
    repeats, steps = REPEATS[model]
    rng = np.random.default_rng(2)
    batches = [BATCH * rng.integers(0, BATCHES, steps) for _ in range(1 + repeats)]
    ours = package(model, images, labels)
    loop = plain(model, images, labels)
    runs = [[partial(run, X) for run in (ours, loop)] for X in batches]
    times, of_gradients = np.array([[taken(run) for run in pair] for pair in runs])[1:].T / steps
    beside = milliseconds((times - of_gradients).T)
    return " | ".join([*milliseconds(times.T), spread(times.T), *beside])


def mixing_of(model: str, pattern: Pattern) -> str:
    """Columns of the table for mixing models of ten agents on one rank."""
    d = Network(model=model).dimension(SHAPE, CLASSES)
    schedule = pattern.start(Ring().build(AGENTS, seed=1, name="topology"), seed=1)
    iterates = Iterates.alone(AGENTS, 1, d, dtype=np.dtype(np.float32))
    rows = iterates.mixed[THETA]
    rows.buffers[0][:], rows.buffers[1][:] = 1, 1
    W = Mixer(MPI.COMM_SELF, schedule, rows, Meter())
    to, copied = np.ones((2, *rows.rows.shape), np.float32)
    pairs = [(partial(W, n), partial(np.copyto, to, copied)) for n in range(1, 2 + MIXINGS)]
    times = np.array([[seconds(run) for run in pair] for pair in pairs])[1:]
    moved = f"{2 * to.nbytes / np.median(times[:, 1]) / 1e9:.1f}"
    name = pattern.__struct_config__.tag
    return " | ".join([str(name), *milliseconds(times), moved, spread(times)])


def seconds(run: Callable[[], None]) -> float:
    """Processor time that it takes."""
    start = time.process_time()
    run()
    return time.process_time() - start


def taken(run: Callable[[], None]) -> tuple[float, float]:
    """Processor time that it takes, and what of it went into gradients."""
    before = IN_GRADIENTS[0]
    whole = seconds(run)
    return whole, IN_GRADIENTS[0] - before


def gradient(find: Callable[P, R]) -> Callable[P, R]:
    """The same, with its processor time counted."""

    def counted(*arguments: P.args, **named: P.kwargs) -> R:
        start = time.process_time()
        found = find(*arguments, **named)
        IN_GRADIENTS[0] += time.process_time() - start
        return found

    return counted


def milliseconds(times: np.ndarray) -> list[str]:
    """Medians of both columns."""
    return [f"{1e3 * each:.2f}" for each in np.median(times, axis=0)]


def spread(times: np.ndarray) -> str:
    """Ratio of the columns in each repeat: median and quartiles."""
    low, middle, high = np.quantile(times[:, 0] / times[:, 1], (0.25, 0.5, 0.75))
    return f"{middle:.3f} ({low:.3f} to {high:.3f})"


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

    @gradient
    def backward(x: int) -> None:
        inputs = (features[x : x + BATCH].float() - mean) / deviation
        optimizer.zero_grad()
        criterion(module(inputs), classes[x : x + BATCH]).backward()

    def run(X: np.ndarray) -> None:
        for x in X.tolist():
            backward(x)
            optimizer.step()

    return run


if __name__ == "__main__":
    main(sys.argv[1:] or [*REPEATS])
