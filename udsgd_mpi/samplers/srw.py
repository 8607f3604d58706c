"""Simple random walk."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.compiled import kernel
from udsgd_mpi.graphs import Graph
from udsgd_mpi.samplers.base import Indices, Path, Sampler, Stream, graph_of
from udsgd_mpi.seeding import Purpose, below
from udsgd_mpi.theory.chains import ReversibleChain, noise_of_walk
from udsgd_mpi.theory.noise import Noise


class SRW(Sampler, frozen=True, tag="srw"):
    """X_{n+1} uniform among the neighbours of X_n; π ∝ degree (paper, Appendix G.1)."""

    def noise(self, G: NDArray[np.float64], graph: Graph | None) -> Noise:
        return noise_of_walk(ReversibleChain.simple(graph_of(self, graph)), G)

    def start(self, points: int, graph: Graph | None, stream: Stream) -> Path:
        return _SRWPath(graph_of(self, graph), stream)


class _SRWPath(Path):
    def __init__(self, graph: Graph, stream: Stream) -> None:
        self.graph = graph
        self.stream = stream
        self.next = stream.uniform_start(len(graph))

    @property
    def memory(self) -> dict[str, NDArray[Any]]:
        return {"next": self.next}

    def draw(self, out: Indices) -> None:
        bits = self.stream.bits(Purpose.SAMPLING, self.n, len(out))
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
    steps, trials = out.shape
    for n in range(steps):
        for t in range(trials):
            x = node[t]
            out[n, t] = x
            degree = offsets[x + 1] - offsets[x]
            node[t] = neighbours[offsets[x] + below(bits[n, t], np.uint64(degree))]
