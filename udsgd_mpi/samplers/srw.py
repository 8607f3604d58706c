"""Simple random walk."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.graphs import Graph
from udsgd_mpi.kernels.compiled import kernel
from udsgd_mpi.kernels.random_numbers import Purpose, below, fill_with_bits
from udsgd_mpi.samplers.base import (
    KEY,
    Indices,
    Key,
    SamplePaths,
    Sampler,
    Streams,
    graph_of,
    graphs_of,
)
from udsgd_mpi.samplers.graph_stack import STACK, GraphStack, Stack, graph_of_agent
from udsgd_mpi.theory.chains import ReversibleChain, noise_of_walk
from udsgd_mpi.theory.noise import Noise


class SRW(Sampler, frozen=True, tag="srw"):
    """X_{n+1} uniform among the neighbours of X_n; π ∝ degree (paper, Appendix G.1)."""

    def noise(self, G: NDArray[np.float64], graph: Graph | None) -> Noise:
        return noise_of_walk(ReversibleChain.simple(graph_of(self, graph)), G)

    def start_all(
        self, points: Sequence[int], graphs: Sequence[Graph | None], streams: Streams
    ) -> SamplePaths:
        return _SRWPaths(graphs_of(self, graphs), streams)


class _SRWPaths(SamplePaths):
    def __init__(self, graphs: Sequence[Graph], streams: Streams) -> None:
        self.graphs = GraphStack.of(graphs)
        self.streams = streams
        self.next = streams.uniform_starts(np.array([len(graph) for graph in graphs]))

    def memory(self, k: int) -> dict[str, NDArray[Any]]:
        return {"next": self.next[k]}

    def draw(self, out: Indices) -> None:
        _walk(self.streams.key, Purpose.SAMPLING, self.n, self.graphs.arrays, self.next, out)
        self.n += len(out)


@kernel(f"void({KEY}, int64, int64, {STACK}, int32[:, ::1], int32[:, :, :])")
def _walk(key: Key, purpose: int, first: int, stack: Stack, nodes: Indices, out: Indices) -> None:
    seed, agents, first_trial = key
    steps, _, trials = out.shape
    bits = np.empty((steps, trials), dtype=np.uint64)
    for i in range(len(agents)):
        fill_with_bits(seed, purpose, agents[i], first_trial, first, bits)
        offsets, neighbours = graph_of_agent(stack, i)
        node = nodes[i]
        for n in range(steps):
            for t in range(trials):
                x = node[t]
                out[n, i, t] = x
                degree = offsets[x + 1] - offsets[x]
                node[t] = neighbours[offsets[x] + below(bits[n, t], np.uint64(degree))]
