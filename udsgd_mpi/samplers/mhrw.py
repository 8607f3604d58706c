"""Metropolis–Hastings random walk."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.graphs import Graph
from udsgd_mpi.kernels.compiled import kernel
from udsgd_mpi.kernels.random_numbers import Purpose, below, fill_with_bits, unit
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


class MHRW(Sampler, frozen=True, tag="mhrw"):
    """Propose a uniform neighbour y of x, accept with min(1, deg(x)/deg(y)); π uniform."""

    degree_biased: ClassVar[bool] = False

    def noise(self, G: NDArray[np.float64], graph: Graph | None) -> Noise:
        return noise_of_walk(ReversibleChain.metropolis_hastings(graph_of(self, graph)), G)

    def start_all(
        self, points: Sequence[int], graphs: Sequence[Graph | None], streams: Streams
    ) -> SamplePaths:
        return _MHRWPaths(graphs_of(self, graphs), streams)


class _MHRWPaths(SamplePaths):
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
    # Rows 2n and 2n + 1 of bits propose and accept.
    seed, agents, first_trial = key
    steps, _, trials = out.shape
    bits = np.empty((2 * steps, trials), dtype=np.uint64)
    for i in range(len(agents)):
        fill_with_bits(seed, purpose, agents[i], first_trial, 2 * first, bits)
        offsets, neighbours = graph_of_agent(stack, i)
        node = nodes[i]
        for n in range(steps):
            for t in range(trials):
                x = node[t]
                out[n, i, t] = x
                degree = offsets[x + 1] - offsets[x]
                y = neighbours[offsets[x] + below(bits[2 * n, t], np.uint64(degree))]
                if unit(bits[2 * n + 1, t]) * (offsets[y + 1] - offsets[y]) < degree:
                    node[t] = y
