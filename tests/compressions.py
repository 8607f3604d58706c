"""Compressions as papers write them, number by number, with draws that share no code."""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from tests.reference import bits, pick
from udsgd_mpi.communication.compression import Compression, Quantize, RandomK, TopK
from udsgd_mpi.kernels.random_numbers import Purpose

Floats = NDArray[np.float64]

ALL = [TopK(fraction=0.4), RandomK(fraction=0.4), Quantize(bits=4), Quantize(bits=2)]


def compressed(compression: Compression, seed: int) -> Callable[[Floats, int], Floats]:
    """Q of differences (agents, trials, d) at an aggregation."""

    def of_all(x: Floats, number: int) -> Floats:
        found = np.zeros_like(x)
        for i, rows in enumerate(x):
            for t, row in enumerate(rows):
                found[i, t] = _one(compression, row, (seed, i, t, number))
        return found

    return of_all


def _one(compression: Compression, x: Floats, stream: tuple[int, int, int, int]) -> Floats:
    d, q = len(x), np.zeros(len(x))
    if isinstance(compression, TopK):
        for k in sorted(range(d), key=lambda k: -abs(x[k]))[: round(compression.fraction * d)]:
            q[k] = x[k]
    elif isinstance(compression, RandomK):
        places = list(range(d))
        for m in range(round(compression.fraction * d)):
            other = m + pick(_drawn(stream, m // 2, m % 2), d - m)
            places[m], places[other] = places[other], places[m]
            q[places[m]] = x[places[m]]
    else:
        assert isinstance(compression, Quantize)
        s = 2 ** (compression.bits - 1) - 1
        norm, tau = math.sqrt(math.fsum(x**2)), 1 + min(d / s**2, math.sqrt(d) / s)
        for k in range(d if norm > 0 else 0):
            two = _drawn(stream, k // 4, k % 4 // 2)
            u = (two & 0xFFFFFFFF if k % 2 else two >> 32) / 2**32
            q[k] = norm / (s * tau) * np.sign(x[k]) * math.floor(s * abs(x[k]) / norm + u)
    return q


def _drawn(stream: tuple[int, int, int, int], call: int, half: int) -> int:
    """64 of the 128 bits of a call of Philox."""
    seed, agent, trial, number = stream
    return bits(seed, Purpose.COMPRESSION + (call << 8), agent, trial, 2 * number + half)
