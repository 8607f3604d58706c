"""The largest numbers, and where they are."""

import numpy as np

from udsgd_mpi.communication.compression.base import PACK, UNPACK, Bytes, Floats, Integers
from udsgd_mpi.communication.compression.sparsification import Sparsification
from udsgd_mpi.kernels.bit_packing import put_bits, take_bits
from udsgd_mpi.kernels.compiled import inlined, kernel


@inlined
def _size(x: float) -> float:
    """|x|; of what is no number it is infinite."""
    return np.inf if np.isnan(x) else np.abs(x)


@inlined
def _ascending(values: Floats, place: int) -> float:
    """What would be at a place, were the values sorted; Hoare's FIND, which reorders them.

    NumPy's partition takes ten times as long to compile.
    """
    first, last = 0, len(values) - 1
    while first < last:
        pivot = values[(first + last) // 2]
        i, j = first, last
        while i <= j:
            while values[i] < pivot:
                i += 1
            while values[j] > pivot:
                j -= 1
            if i <= j:
                values[i], values[j] = values[j], values[i]
                i += 1
                j -= 1
        if place <= j:
            last = j
        elif place >= i:
            first = i
        else:
            break
    return float(values[place])


@kernel(PACK)
def _pack(
    theta: Floats,
    public: Floats,
    numbers: Floats,
    codes: Bytes,
    bits: int,
    _of: Integers,
    _seed: np.uint64,
    _first_trial: np.uint64,
    _number: int,
) -> None:
    agents, trials, d = theta.shape
    kept = numbers.shape[2]
    sizes = np.empty(d)
    codes[:] = 0
    for i in range(agents):
        for t in range(trials):
            for k in range(d):
                sizes[k] = _size(theta[i, t, k] - public[i, t, k])
            least = _ascending(sizes, d - kept)
            equal = kept
            for k in range(d):
                equal -= sizes[k] > least
            m = 0
            for k in range(d):
                x = theta[i, t, k] - public[i, t, k]
                if _size(x) < least or (_size(x) == least and equal == 0):
                    continue
                equal -= _size(x) == least
                numbers[i, t, m] = x
                put_bits(codes[i, t], m * bits, bits, k)
                m += 1


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
    agents, trials, kept = numbers.shape
    for i in range(agents):
        for t in range(trials):
            for m in range(kept):
                k = take_bits(codes[i, t], m * bits, bits)
                public[i, t, k] += numbers[i, t, m]


class TopK(Sparsification, frozen=True, tag="top_k"):
    """Q(x) has the k numbers of x with the largest magnitudes, and 0 elsewhere.

    Of equal ones the first are taken. A message has these numbers, and the place of each in as few
    bits as tell d places apart.
    """

    pack = _pack
    unpack = _unpack

    def code_bits(self, d: int) -> int:
        return (d - 1).bit_length()
