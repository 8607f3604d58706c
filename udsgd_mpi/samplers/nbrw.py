"""Non-backtracking random walk."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.compiled import kernel
from udsgd_mpi.graphs import Graph
from udsgd_mpi.samplers.base import Indices, Path, Sampler, Stream, graph_of
from udsgd_mpi.seeding import Purpose, below
from udsgd_mpi.theory.chains import NonBacktrackingChain, noise_of_walk
from udsgd_mpi.theory.noise import Noise

_NONE = -1


class NBRW(Sampler, frozen=True, tag="nbrw"):
    """X_{n+1} uniform among the neighbours of X_n other than X_{n−1}; π ∝ degree.

    It goes back only from a node of degree 1 (Alon, Benjamini, Lubetzky and Sodin, 2007; Lee,
    Xu and Eun, SIGMETRICS 2012).
    """

    def noise(self, G: NDArray[np.float64], graph: Graph | None) -> Noise:
        return noise_of_walk(NonBacktrackingChain(graph_of(self, graph)), G)

    def start(self, points: int, graph: Graph | None, stream: Stream) -> Path:
        return _NBRWPath(graph_of(self, graph), stream)


class _NBRWPath(Path):
    def __init__(self, graph: Graph, stream: Stream) -> None:
        self.graph = graph
        self.reverse = graph.reverse_arcs()
        self.stream = stream
        self.next = stream.uniform_start(len(graph))
        self.back = np.full(stream.trials, _NONE, dtype=np.int64)

    @property
    def memory(self) -> dict[str, NDArray[Any]]:
        return {"next": self.next, "back": self.back}

    def draw(self, out: Indices) -> None:
        bits = self.stream.bits(Purpose.SAMPLING, self.n, len(out))
        _walk(
            self.graph.offsets,
            self.graph.neighbours,
            self.reverse,
            bits,
            self.next,
            self.back,
            out,
        )
        self.n += len(out)


@kernel(
    "void(int64[::1], int32[::1], int64[::1], uint64[:, ::1], int32[::1], int64[::1], int32[:, :])"
)
def _walk(
    offsets: NDArray[np.int64],
    neighbours: NDArray[np.int32],
    reverse: NDArray[np.int64],
    bits: NDArray[np.uint64],
    node: Indices,
    back: NDArray[np.int64],
    out: Indices,
) -> None:
    # back[t] is the arc from the present node to the previous one.
    steps, trials = out.shape
    for n in range(steps):
        for t in range(trials):
            x = node[t]
            out[n, t] = x
            degree = offsets[x + 1] - offsets[x]
            if back[t] == _NONE or degree == 1:
                arc = offsets[x] + below(bits[n, t], np.uint64(degree))
            else:
                arc = offsets[x] + below(bits[n, t], np.uint64(degree - 1))
                if arc >= back[t]:
                    arc += 1
            node[t] = neighbours[arc]
            back[t] = reverse[arc]
