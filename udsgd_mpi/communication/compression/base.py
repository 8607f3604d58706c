"""What a compression is: what a message says of a difference, and how."""

from functools import cache
from typing import Annotated, Any, ClassVar

import numpy as np
from msgspec import Meta, Struct
from numpy.typing import NDArray

from udsgd_mpi.kernels.compiled import Kernel

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Bytes = NDArray[np.uint8]

_OF_TYPE = {np.dtype(np.float64): "float64[:, :, ::1]", np.dtype(np.float32): "float32[:, :, ::1]"}
_DOUBLE = _OF_TYPE[np.dtype(np.float64)]
_MESSAGE = "{numbers}, uint8[:, :, ::1], int64, int64[::1], uint64, uint64, int64"
# θ and x̂, shape (agents, trials, d); numbers and codes of the message, shape (agents, trials, …);
# ``bits``, numbers of the agents, seed, first trial, number of the aggregation.
_PACK = "void({theta}, {theta}, " + _MESSAGE + ")"
# The same without θ, where x̂ + Q takes the place of x̂.
_UNPACK = "void({theta}, " + _MESSAGE + ")"
PACK, UNPACK = (each.format(theta=_DOUBLE, numbers=_DOUBLE) for each in (_PACK, _UNPACK))


class Compression(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="kind"):
    """Messages carry Q(θ − x̂), from which all learn x̂, what is public of an agent's θ.

    CHOCO-SGD (Koloskova, Stich and Jaggi, Decentralized stochastic optimization and gossip
    algorithms with compressed communication, ICML 2019, Algorithm 2): at an aggregation

        x̂^i ← x̂^i + Q(θ^i − x̂^i)
        θ^i ← θ^i + γ Σ_j w_ij (x̂^j − x̂^i)

    with the half-steps θ^i, and x̂^i = 0 at first. What Q leaves out now is in the next difference
    (error feedback), and the average over the agents is not touched. Q has to fulfil
    E‖Q(x) − x‖² ≤ (1 − δ) ‖x‖² for a δ in (0, 1].

    Attributes
    ----------
    pack
        A kernel of the signature ``PACK``, which writes Q(θ − x̂) into a message.
    unpack
        A kernel of the signature ``UNPACK``, which adds it to x̂.

    Parameters
    ----------
    consensus_step
        γ in (0, 1], which has to be the smaller the less a message says: disagreement grows where
        it is too large. By default δ/2, with which γ ‖I − W‖ is not above δ.
    """

    pack: ClassVar[Kernel[..., None]]
    unpack: ClassVar[Kernel[..., None]]

    consensus_step: Annotated[float, Meta(gt=0, le=1)] | None = None

    def delta(self, d: int) -> float:
        """δ, for vectors of d numbers."""
        raise NotImplementedError

    def numbers(self, d: int) -> int:
        """How many floating-point numbers a message has for each trial."""
        raise NotImplementedError

    def code_bytes(self, d: int) -> int:
        """How many bytes it has beside them for each trial."""
        raise NotImplementedError

    def code_bits(self, d: int) -> int:
        """Bits of each number in these bytes; 0 where there are none."""
        raise NotImplementedError

    def step(self, d: int) -> float:
        """γ, for vectors of d numbers."""
        return self.delta(d) / 2 if self.consensus_step is None else self.consensus_step


def kernels_of(
    compression: Compression, theta: np.dtype[Any], numbers: np.dtype[Any]
) -> tuple[Kernel[..., None], Kernel[..., None]]:
    """``pack`` and ``unpack`` for θ of a type, and numbers in messages of a type."""
    if theta == numbers == np.float64:
        return compression.pack, compression.unpack
    return _of_types(compression.pack, compression.unpack, theta, numbers)


@cache
def _of_types(
    pack: Kernel[..., None],
    unpack: Kernel[..., None],
    theta: np.dtype[Any],
    numbers: np.dtype[Any],
) -> tuple[Kernel[..., None], Kernel[..., None]]:
    types = {"theta": _OF_TYPE[theta], "numbers": _OF_TYPE[numbers]}
    return pack.of(_PACK.format(**types)), unpack.of(_UNPACK.format(**types))
