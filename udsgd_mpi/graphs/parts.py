"""Connected parts of a graph."""

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.kernels.compiled import kernel


@kernel("int64(int64[::1], int32[::1], int32[::1])")
def label_parts(
    offsets: NDArray[np.int64], neighbours: NDArray[np.int32], part: NDArray[np.int32]
) -> int:
    """Number of connected parts, and that of each node into ``part`` (nodes,), breadth first.

    SciPy does the same; to import its graphs takes as long as all other work before a first step.
    """
    part[:] = -1
    reached = np.empty(len(part), dtype=np.int32)
    parts = 0
    for root in range(len(part)):
        if part[root] >= 0:
            continue
        part[root] = parts
        reached[0] = root
        known, done = 1, 0
        while done < known:
            node = reached[done]
            done += 1
            for k in range(offsets[node], offsets[node + 1]):
                other = neighbours[k]
                if part[other] < 0:
                    part[other] = parts
                    reached[known] = other
                    known += 1
        parts += 1
    return parts
