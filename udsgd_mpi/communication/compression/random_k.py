"""Numbers at random places."""

import numpy as np

from udsgd_mpi.communication.compression.base import PACK, UNPACK, Bytes, Floats, Integers
from udsgd_mpi.communication.compression.sparsification import Sparsification
from udsgd_mpi.kernels.compiled import inlined, kernel
from udsgd_mpi.kernels.random_numbers import Purpose, below, philox

_PURPOSE = np.uint64(Purpose.COMPRESSION)
_8, _32 = np.uint64(8), np.uint64(32)


@inlined
def _choose(
    order: Integers, kept: int, agent: int, trial: np.uint64, seed: np.uint64, number: int
) -> None:
    """Make the first of ``order`` (d,) different places, all choices equally likely.

    Fisher and Yates' shuffle, as far as it is needed. A call of Philox serves two places.
    """
    d = len(order)
    for k in range(d):
        order[k] = k
    for pair in range((kept + 1) // 2):
        purpose = _PURPOSE + (np.uint64(pair) << _8)
        w0, w1, w2, w3 = philox(np.uint64(number), purpose, np.uint64(agent), trial, seed)
        for m in range(2 * pair, min(2 * pair + 2, kept)):
            bits = (w0 << _32) | w1 if m == 2 * pair else (w2 << _32) | w3
            other = m + below(bits, np.uint64(d - m))
            order[m], order[other] = order[other], order[m]


@kernel(PACK)
def _pack(
    theta: Floats,
    public: Floats,
    numbers: Floats,
    _codes: Bytes,
    _bits: int,
    of: Integers,
    seed: np.uint64,
    first_trial: np.uint64,
    number: int,
) -> None:
    agents, trials, d = theta.shape
    kept = numbers.shape[2]
    order = np.empty(d, dtype=np.int64)
    for i in range(agents):
        for t in range(trials):
            _choose(order, kept, of[i], first_trial + np.uint64(t), seed, number)
            for m in range(kept):
                numbers[i, t, m] = theta[i, t, order[m]] - public[i, t, order[m]]


@kernel(UNPACK)
def _unpack(
    public: Floats,
    numbers: Floats,
    _codes: Bytes,
    _bits: int,
    of: Integers,
    seed: np.uint64,
    first_trial: np.uint64,
    number: int,
) -> None:
    agents, trials, kept = numbers.shape
    order = np.empty(public.shape[2], dtype=np.int64)
    for i in range(agents):
        for t in range(trials):
            _choose(order, kept, of[i], first_trial + np.uint64(t), seed, number)
            for m in range(kept):
                public[i, t, order[m]] += numbers[i, t, m]


class RandomK(Sparsification, frozen=True, tag="random_k"):
    """Q(x) has k numbers of x at places drawn without replacement, and 0 elsewhere.

    The places are a function of (seed, agent, trial, aggregation), which all ranks draw: a message
    has nothing but the numbers. Q(x)/δ is unbiased.
    """

    pack = _pack
    unpack = _unpack

    def code_bits(self, _d: int) -> int:
        return 0
