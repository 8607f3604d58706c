"""Randomness as a pure function of (seed, purpose, agent, trial, step).

The samplers' numbers come from Philox4x32-10 (Salmon, Moraes, Dror and Shaw, SC 2011), a
counter-based generator: the key is the seed and the counter is (step, purpose, agent, trial).
There is no state to carry, so neither the number of ranks, nor the other trials, nor the size
of a block can change a draw.
"""

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.kernels.compiled import inlined, kernel

Bits = NDArray[np.uint64]
Floats = NDArray[np.float64]
Word = np.uint64 | int


class Purpose(IntEnum):
    """What a stream is for; streams with different purposes never meet."""

    PARTITION = 1
    DATA_GRAPH = 2
    TOPOLOGY = 3
    START = 4
    SAMPLING = 5
    MIXING = 6
    BATCHES = 7
    PREDICTION = 8
    COMPUTING = 9
    AUGMENTATION = 10
    INITIAL = 11
    ACTIVATION = 12
    COMPRESSION = 13
    STALENESS = 14


def generator(seed: int, purpose: Purpose, *indices: int) -> np.random.Generator:
    """NumPy generator for draws outside the hot loop, keyed by (seed, purpose, indices)."""
    return np.random.Generator(np.random.Philox(np.random.SeedSequence([seed, purpose, *indices])))


def graph_seed(seed: int, purpose: Purpose, *indices: int) -> int:
    """Seed of the graph of a source."""
    return int(generator(seed, purpose, *indices).integers(2**31))


_LOW = np.uint64(0xFFFFFFFF)
_32 = np.uint64(32)
_MULTIPLIER_0 = np.uint64(0xD2511F53)
_MULTIPLIER_1 = np.uint64(0xCD9E8D57)
_WEYL_0 = np.uint64(0x9E3779B9)
_WEYL_1 = np.uint64(0xBB67AE85)


@inlined
def philox(c0: Word, c1: Word, c2: Word, c3: Word, seed: Word) -> tuple[Word, Word, Word, Word]:
    """Philox4x32-10 of a 128-bit counter; the four 32-bit words travel in 64-bit integers."""
    k0 = seed & _LOW
    k1 = seed >> _32
    for _ in range(10):
        p0 = _MULTIPLIER_0 * c0
        p1 = _MULTIPLIER_1 * c2
        c0, c1, c2, c3 = (p1 >> _32) ^ c1 ^ k0, p1 & _LOW, (p0 >> _32) ^ c3 ^ k1, p0 & _LOW
        k0 = (k0 + _WEYL_0) & _LOW
        k1 = (k1 + _WEYL_1) & _LOW
    return c0, c1, c2, c3


@inlined
def fill_with_bits(
    seed: Word, purpose: Word, agent: Word, first_trial: Word, first_step: int, out: Bits
) -> None:
    """Fill ``out`` (steps, trials) with 64 random bits for each step and trial.

    One Philox call serves two steps: its words 0 and 1 an even step, 2 and 3 the odd step
    after it.
    """
    steps, trials = out.shape
    spare = np.empty((2, trials), dtype=np.uint64)
    for pair in range(first_step // 2, (first_step + steps + 1) // 2):
        n = 2 * pair - first_step
        even = out[n] if n >= 0 else spare[0]
        odd = out[n + 1] if n + 1 < steps else spare[1]
        for t in range(trials):
            w0, w1, w2, w3 = philox(
                np.uint64(pair),
                np.uint64(purpose),
                np.uint64(agent),
                np.uint64(first_trial) + np.uint64(t),
                np.uint64(seed),
            )
            even[t] = (w0 << _32) | w1
            odd[t] = (w2 << _32) | w3


@kernel("void(uint64, uint64, uint64, uint64, int64, uint64[:, ::1])")
def random_bits(
    seed: int, purpose: int, agent: int, first_trial: int, first_step: int, out: Bits
) -> None:
    """``fill_with_bits`` where no kernel does it."""
    fill_with_bits(seed, purpose, agent, first_trial, first_step, out)


@inlined
def below(bits: np.uint64, bound: Word) -> np.int64:
    """Integer of {0, …, bound − 1} from 64 random bits, for bounds below 2³².

    The high word of the 96-bit product; no value is favoured by more than 2⁻³².
    """
    high = (bits >> _32) * bound
    low = ((bits & _LOW) * bound) >> _32
    return np.int64((high + low) >> _32)


@inlined
def unit(bits: np.uint64) -> np.float64:
    """Uniform number of [0, 1) with 53 random bits."""
    return np.float64(bits >> np.uint64(11)) * 2.0**-53


@kernel("void(uint64, uint64, uint64, uint64, int64, float64[:, ::1])")
def random_units(
    seed: int, purpose: int, agent: int, first_trial: int, first_step: int, out: Floats
) -> None:
    """Fill ``out`` (steps, trials) with the numbers ``unit`` of the bits of ``random_bits``."""
    bits = out.view(np.uint64)
    fill_with_bits(seed, purpose, agent, first_trial, first_step, bits)
    steps, trials = out.shape
    for n in range(steps):
        for t in range(trials):
            out[n, t] = unit(bits[n, t])
