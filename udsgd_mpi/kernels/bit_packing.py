"""Whole numbers of a few bits, one after the other in bytes."""

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.kernels.compiled import inlined

Bytes = NDArray[np.uint8]


def bytes_for(numbers: int, bits: int) -> int:
    """How many bytes hold so many numbers of so many bits."""
    return -(-numbers * bits // 8)


@inlined
def put_bits(codes: Bytes, first: int, bits: int, value: int) -> None:
    """Write a number below 2^bits at the bits from ``first`` on, which are 0."""
    place, left = first, bits
    while left > 0:
        shift = place & 7
        some = min(8 - shift, left)
        part = value & ((1 << some) - 1)
        codes[place >> 3] |= np.uint8(part << shift)
        value >>= some
        place += some
        left -= some


@inlined
def take_bits(codes: Bytes, first: int, bits: int) -> int:
    """Read it."""
    place, left, value = first, bits, 0
    while left > 0:
        shift = place & 7
        some = min(8 - shift, left)
        part = (int(codes[place >> 3]) >> shift) & ((1 << some) - 1)
        value |= part << (bits - left)
        place += some
        left -= some
    return value
