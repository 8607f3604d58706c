"""Metropolis–Hastings random walk."""

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.compiled import kernel
from udsgd_mpi.graphs import Graph
from udsgd_mpi.samplers.base import Indices, Path, Sampler, Stream, graph_of
from udsgd_mpi.seeding import Purpose, below, unit
from udsgd_mpi.theory.chains import ReversibleChain, noise_of_walk
from udsgd_mpi.theory.noise import Noise


class MHRW(Sampler, frozen=True, tag="mhrw"):
    """Propose a uniform neighbour y of x, accept with min(1, deg(x)/deg(y)); π uniform."""

    degree_biased: ClassVar[bool] = False

    def noise(self, G: NDArray[np.float64], graph: Graph | None) -> Noise:
        return noise_of_walk(ReversibleChain.metropolis_hastings(graph_of(self, graph)), G)

    def start(self, points: int, graph: Graph | None, stream: Stream) -> Path:
        return _MHRWPath(graph_of(self, graph), stream)


class _MHRWPath(Path):
    def __init__(self, graph: Graph, stream: Stream) -> None:
        self.graph = graph
        self.stream = stream
        self.next = stream.uniform_start(len(graph))

    @property
    def memory(self) -> dict[str, NDArray[Any]]:
        return {"next": self.next}

    def draw(self, out: Indices) -> None:
        bits = self.stream.bits(Purpose.SAMPLING, 2 * self.n, 2 * len(out))
        _walk(self.graph.offsets, self.graph.neighbours, bits, self.next, out)
        self.n += len(out)


@kernel("void(int64[::1], int32[::1], uint64[:, ::1], int32[::1], int32[:, :])")
def _walk(
    offsets: NDArray[np.int64],
    neighbours: NDArray[np.int32],
    bits: NDArray[np.uint64],
    node: Indices,
    out: Indices,
) -> None:
    # Rows 2n and 2n + 1 of bits propose and accept.
    steps, trials = out.shape
    for n in range(steps):
        for t in range(trials):
            x = node[t]
            out[n, t] = x
            degree = offsets[x + 1] - offsets[x]
            y = neighbours[offsets[x] + below(bits[2 * n, t], np.uint64(degree))]
            if unit(bits[2 * n + 1, t]) * (offsets[y + 1] - offsets[y]) < degree:
                node[t] = y
