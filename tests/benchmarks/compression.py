# ruff: noqa: T201
"""Time of what compression adds to an aggregation on one rank, against its floor and NumPy.

Nanoseconds a number of θ, of processor time, for making messages, reading them back into what is
public, and giving back to agents what is not. The floor is one pass over the same memory, as θ,
what is public and what is not are read and written once each. NumPy's way is that of one array of
all agents and trials, with its own sort and generator, and packs nothing. Repeats alternate.
"""

from collections.abc import Callable
from itertools import cycle
from statistics import median
from time import thread_time

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.communication.codecs import Compressed
from udsgd_mpi.communication.compression import Compression, Quantize, RandomK, TopK
from udsgd_mpi.engine.public_copies import PublicCopies

Floats = NDArray[np.float64]

CASES = ((25, 120, 22), (4, 1, 100_000))  # agents, trials, d
REPEATS, SECONDS = 9, 0.05
COMPRESSIONS = (TopK(fraction=0.1), RandomK(fraction=0.1), Quantize(bits=4))


def main() -> None:
    """Print a row for each compression and size."""
    print("| agents, trials, d | compression | ours | one pass | / one pass | NumPy | / NumPy |")
    print("|---|---|---|---|---|---|---|")
    for shape in CASES:
        for compression in COMPRESSIONS:
            ours, floor, plain = np.array(measured(compression, shape)).T
            name = compression.__struct_config__.tag
            columns = [spread(ours), spread(floor), spread(ours / floor), spread(plain)]
            print(
                f"| {', '.join(f'{size:,}' for size in shape)} | {name} | {' | '.join(columns)} |"
                f" {spread(ours / plain)} |",
                flush=True,
            )


def measured(compression: Compression, shape: tuple[int, int, int]) -> list[list[float]]:
    """Nanoseconds a number by each way, of every repeat."""
    agents, trials, d = shape
    rng = np.random.default_rng(1)
    theta, public, private = rng.normal(size=(3, *shape))
    codec = Compressed(compression, d, theta.dtype)
    copies = PublicCopies(codec, public, private, 1, range(agents), range(trials))
    step, delta = compression.step(d), compression.delta(d)

    moved = cycle(rng.normal(size=(2, *shape)))  # so that there is something new to tell

    def ours() -> None:
        np.copyto(theta, next(moved))
        copies.publish(theta, 1)
        copies.settle(theta)

    def one_pass() -> None:
        np.copyto(theta, next(moved))
        np.add(theta, public, out=private)
        np.add(theta, private, out=theta)
        np.add(public, private, out=public)
        np.copyto(public, private)

    def with_numpy() -> None:
        np.copyto(theta, next(moved))
        public[:] += quantized(compression, theta - public, delta, rng)
        private[:] = theta - step * public
        theta[:] = private + step * public

    ways = (ours, one_pass, with_numpy)
    times = [[seconds(way) for way in ways] for _ in range(1 + REPEATS)][1:]
    return [[1e9 * each / theta.size for each in row] for row in times]


def quantized(
    compression: Compression, x: Floats, delta: float, rng: np.random.Generator
) -> Floats:
    """Q(x) along the last axis."""
    d = x.shape[-1]
    if isinstance(compression, Quantize):
        levels = 2 ** (compression.bits - 1) - 1
        norm = np.linalg.norm(x, axis=-1, keepdims=True)
        level = np.floor(levels * np.abs(x) / norm + rng.random(x.shape))
        return np.asarray(norm * np.sign(x) * level * (delta / levels))
    key = np.abs(x) if isinstance(compression, TopK) else rng.random(x.shape)
    kept = np.argpartition(key, d - compression.numbers(d))[..., d - compression.numbers(d) :]
    found = np.zeros_like(x)
    np.put_along_axis(found, kept, np.take_along_axis(x, kept, axis=-1), axis=-1)
    return found


def seconds(work: Callable[[], None]) -> float:
    """Processor seconds of one call, from as many as last for a while."""
    calls, began = 0, thread_time()
    while (now := thread_time()) - began < SECONDS or calls == 0:
        work()
        calls += 1
    return (now - began) / max(1, calls)


def spread(values: Floats) -> str:
    """Median, least and greatest."""
    low, middle, high = (f(values.tolist()) for f in (min, median, max))
    return f"{middle:.2f} ({low:.2f}–{high:.2f})"


if __name__ == "__main__":
    main()
