"""Messages of numbers as they are."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.communication.codecs.base import Codec, Floats
from udsgd_mpi.kernels.rounding import keep_all


class Exact(Codec):
    """q(θ) = θ."""

    exact = True
    quantize = keep_all

    def __init__(self, dtype: type[np.floating[Any]] | np.dtype[Any] = np.float64) -> None:
        self.dtype = np.dtype(dtype)

    def pack(self, half_steps: Floats, rows: NDArray[np.int64], message: NDArray[Any]) -> None:
        np.take(half_steps, rows, axis=0, out=message, mode="clip")  # without a copy between
