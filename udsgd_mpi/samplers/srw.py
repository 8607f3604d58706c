"""Simple random walk."""

from collections.abc import Callable
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.graphs.ground import Ground
from udsgd_mpi.kernels.compiled import kernel
from udsgd_mpi.kernels.random_numbers import below, fill_with_bits
from udsgd_mpi.samplers.base import Indices, Key, SamplePaths, Sampler, graph_of
from udsgd_mpi.samplers.graph_stack import Stack, graph_of_agent
from udsgd_mpi.samplers.walks import WALK, Walks
from udsgd_mpi.theory.chains import ReversibleChain, noise_of_walk
from udsgd_mpi.theory.noise import Noise


@kernel(WALK)
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


class _Walks(Walks):
    walk = _walk


class SRW(Sampler, frozen=True, tag="srw"):
    """X_{n+1} uniform among the neighbours of X_n; π ∝ degree (paper, Appendix G.1)."""

    paths: ClassVar[Callable[..., SamplePaths]] = _Walks

    def chain(self, graph: Ground | None) -> ReversibleChain:
        return ReversibleChain.simple(graph_of(self, graph))

    def noise(self, G: NDArray[np.float64], graph: Ground | None) -> Noise:
        return noise_of_walk(self.chain(graph), G)
