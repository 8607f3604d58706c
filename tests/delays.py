"""Delays of stale reads, drawn number by number."""

from collections.abc import Callable

from tests.reference import philox4x32_10, pick
from udsgd_mpi.kernels.random_numbers import Purpose


def delay(seed: int, most: int) -> Callable[[int, int, int], int]:
    """τ of aggregation l, receiver i and sender j, uniform on {0, …, most}."""

    def drawn(number: int, i: int, j: int) -> int:
        counter = [number, int(Purpose.STALENESS), i, j]
        high, low, _, _ = philox4x32_10(counter, [seed & 0xFFFFFFFF, seed >> 32])
        return pick((high << 32) | low, most + 1)

    return drawn
