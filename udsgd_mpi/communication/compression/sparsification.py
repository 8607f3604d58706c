"""Messages with a part of the numbers."""

from typing import Annotated

from msgspec import Meta

from udsgd_mpi.communication.compression.base import Compression
from udsgd_mpi.kernels.bit_packing import bytes_for

Fraction = Annotated[float, Meta(gt=0, le=1)]


class Sparsification(Compression, frozen=True):
    """Q(x) has k of the d numbers of x, and 0 elsewhere: δ = k/d.

    What is in a message beside them is for each of them.

    Parameters
    ----------
    fraction
        k/d: k is the nearest whole number, and at least 1.
    """

    fraction: Fraction = 0.1

    def delta(self, d: int) -> float:
        return self.numbers(d) / d

    def numbers(self, d: int) -> int:
        return max(1, round(self.fraction * d))

    def code_bytes(self, d: int) -> int:
        return bytes_for(self.numbers(d), self.code_bits(d))
