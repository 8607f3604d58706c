"""Arrays that begin at a cache line, as libraries' last bits may depend on where one begins."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

_LINE = 64  # bytes


def aligned_zeros(shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Zeros from the beginning of a cache line on.

    Examples
    --------
    >>> aligned_zeros((3, 5), np.dtype(np.float32)).ctypes.data % 64
    0
    """
    size = int(np.prod(shape)) * dtype.itemsize
    memory = np.zeros(size + _LINE, dtype=np.uint8)
    first = -memory.ctypes.data % _LINE
    return memory[first : first + size].view(dtype).reshape(shape)
