"""All numbers in a few bits, rounded at random."""

from math import sqrt
from typing import Annotated

import numpy as np
from msgspec import Meta

from udsgd_mpi.communication.compression.base import (
    PACK,
    UNPACK,
    Bytes,
    Compression,
    Floats,
    Integers,
)
from udsgd_mpi.kernels.bit_packing import bytes_for
from udsgd_mpi.kernels.compiled import inlined, kernel
from udsgd_mpi.kernels.random_numbers import Purpose, philox

_PURPOSE = np.uint64(Purpose.COMPRESSION)
_8 = np.uint64(8)
_WORDS = 4  # of 32 bits, of a call of Philox
_BYTE = 8  # bits


def _expansion(d: int, levels: int) -> float:
    """τ."""
    return 1 + min(d / (levels * levels), sqrt(d) / levels)


_expansion_in_kernels = inlined(_expansion)


@kernel(PACK)
def _pack(
    theta: Floats,
    public: Floats,
    numbers: Floats,
    codes: Bytes,
    bits: int,
    of: Integers,
    seed: np.uint64,
    first_trial: np.uint64,
    number: int,
) -> None:
    """A code is the level, with the sign above it."""
    agents, trials, d = theta.shape
    levels = (1 << (bits - 1)) - 1
    for i in range(agents):
        for t in range(trials):
            total = 0.0
            for k in range(d):
                x = np.float64(theta[i, t, k]) - np.float64(public[i, t, k])
                total += x * x
            numbers[i, t, 0] = sqrt(total)
            norm = np.float64(numbers[i, t, 0])
            held, filled, place = 0, 0, 0
            words = philox(np.uint64(0), np.uint64(0), np.uint64(0), np.uint64(0), seed)
            for k in range(d):
                if k % _WORDS == 0:
                    purpose = _PURPOSE + (np.uint64(k // _WORDS) << _8)
                    trial = first_trial + np.uint64(t)
                    words = philox(np.uint64(number), purpose, np.uint64(of[i]), trial, seed)
                x = np.float64(theta[i, t, k]) - np.float64(public[i, t, k])
                u = np.float64(words[k % _WORDS]) * 2.0**-32
                exact = levels * abs(x) / norm + u
                sign = levels + 1 if x < 0 else 0
                level = int(min(exact, levels)) if exact >= 1 else 0  # 0 also for NaN
                held |= (level | sign) << filled
                filled += bits
                while filled >= _BYTE:
                    codes[i, t, place] = held & 0xFF
                    held >>= _BYTE
                    filled -= _BYTE
                    place += 1
            if filled > 0:
                codes[i, t, place] = held


@kernel(UNPACK)
def _unpack(
    public: Floats,
    numbers: Floats,
    codes: Bytes,
    bits: int,
    _of: Integers,
    _seed: np.uint64,
    _first_trial: np.uint64,
    _number: int,
) -> None:
    agents, trials, d = public.shape
    levels = (1 << (bits - 1)) - 1
    unit = 1 / (levels * _expansion_in_kernels(d, levels))
    for i in range(agents):
        for t in range(trials):
            scale = np.float64(numbers[i, t, 0]) * unit
            held, filled, place = 0, 0, 0
            for k in range(d):
                while filled < bits:
                    held |= int(codes[i, t, place]) << filled
                    filled += _BYTE
                    place += 1
                code = held & (2 * levels + 1)
                held >>= bits
                filled -= bits
                level = code & levels
                public[i, t, k] += -scale * level if code > levels else scale * level


class Quantize(Compression, frozen=True, tag="quantize"):
    """Q(x) = ‖x‖ / (s τ) · sign(x) ⌊s abs(x) / ‖x‖ + u⌋, with u uniform on [0, 1) for each number.

    s = 2^(bits − 1) − 1 and τ = 1 + min(d/s², √d/s) (QSGD: Alistarh, Grubic, Li, Tomioka and
    Vojnović, NeurIPS 2017; with τ as Koloskova et al., 2019, section 3.5). δ = 1/τ, and τ Q(x) is
    unbiased. A message has ‖x‖, and for each number its sign and level in so many bits. u is a
    function of (seed, agent, trial, aggregation).

    Parameters
    ----------
    bits
        For each number, from 2 to 16.
    """

    pack = _pack
    unpack = _unpack

    bits: Annotated[int, Meta(ge=2, le=16)] = 4

    def delta(self, d: int) -> float:
        levels = (1 << (self.bits - 1)) - 1
        return 1 / _expansion(d, levels)

    def numbers(self, _d: int) -> int:
        return 1

    def code_bits(self, _d: int) -> int:
        return self.bits

    def code_bytes(self, d: int) -> int:
        return bytes_for(d, self.bits)
