"""How half-steps are put into messages.

To add a codec, write its class and name it in ``CODECS``.
"""

from typing import Any, ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.communication.compression import Compression
from udsgd_mpi.kernels.compiled import Kernel
from udsgd_mpi.kernels.rounding import keep_all, round_off

Floats = NDArray[np.float64]


class Codec:
    """Messages carry q(θ), which is all that others know of an agent's θ.

    An agent keeps what its own half-step loses, see ``kernels.rounding``.

    Attributes
    ----------
    exact
        Whether q(θ) is θ, so that a message is rows as they are in memory.
    quantize
        Makes the first rows q(rows), and puts what they lose into its second argument, which has
        as many rows; of the signature ``rounding.QUANTIZE``.
    dtype
        Type of numbers in which q(θ) loses nothing. Parts of θ and averages are sent as such.
    """

    exact: ClassVar[bool] = False
    quantize: ClassVar[Kernel[[Floats, Floats], None]]
    dtype: np.dtype[Any]

    def row_bytes(self, elements: int) -> int:
        """Bytes of an agent's row of this many numbers in a message."""
        return elements * self.dtype.itemsize

    def room(self, rows: int, elements: int) -> NDArray[Any]:
        """Memory for a message of this many rows."""
        return np.empty((rows, elements), self.dtype)

    def pack(self, half_steps: Floats, rows: NDArray[np.int64], message: NDArray[Any]) -> None:
        """Write some rows, which are q(rows), into a message."""
        message[:] = half_steps[rows]

    def unpack(self, message: NDArray[Any], rows: Floats) -> None:
        """Read them, shape (rows, elements)."""
        rows[:] = message

    def numbers(self, values: Floats) -> NDArray[Any]:
        """Values as ``dtype``; what is too large for it is infinite."""
        with np.errstate(over="ignore"):
            return values.astype(self.dtype, copy=False)


class Exact(Codec):
    """q(θ) = θ."""

    exact = True
    quantize = keep_all

    def __init__(self, dtype: type[np.floating[Any]] | np.dtype[Any] = np.float64) -> None:
        self.dtype = np.dtype(dtype)

    def pack(self, half_steps: Floats, rows: NDArray[np.int64], message: NDArray[Any]) -> None:
        np.take(half_steps, rows, axis=0, out=message, mode="clip")  # without a copy between


class Single(Codec):
    """q rounds to single precision; see ``kernels.rounding``."""

    quantize = round_off
    dtype = np.dtype(np.float32)


class Compressed(Codec):
    """Messages carry Q(θ − x̂), and what others know of an agent's θ is x̂; see ``Compression``.

    Parameters
    ----------
    d
        Length of the vectors that are compressed, one in each trial.
    dtype
        Type of the numbers in messages.
    """

    def __init__(self, compression: Compression, d: int, dtype: np.dtype[Any]) -> None:
        self.compression = compression
        self.d = d
        self.dtype = dtype

    def row_bytes(self, elements: int) -> int:
        numbers, codes = self.compression.numbers(self.d), self.compression.code_bytes(self.d)
        return elements // self.d * (numbers * self.dtype.itemsize + codes)


Precision = Literal["double", "single"]
EXACT = Exact()
SINGLE_AS_IS = Exact(np.float32)  # of numbers that are in single precision themselves
CODECS: dict[Precision, Codec] = {"double": EXACT, "single": Single()}
