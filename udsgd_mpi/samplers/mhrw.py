"""Metropolis–Hastings random walk."""

from collections.abc import Callable
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.graphs.ground import Ground
from udsgd_mpi.kernels.compiled import kernel
from udsgd_mpi.kernels.random_numbers import below, fill_with_bits, unit
from udsgd_mpi.samplers.base import Indices, Key, SamplePaths, Sampler, graph_of
from udsgd_mpi.samplers.graph_stack import Stack, graph_of_agent
from udsgd_mpi.samplers.walks import WALK, Walks
from udsgd_mpi.theory.chains import ReversibleChain, noise_of_walk
from udsgd_mpi.theory.noise import Noise


@kernel(WALK)
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


class _Walks(Walks):
    walk = _walk


class MHRW(Sampler, frozen=True, tag="mhrw"):
    """Propose a uniform neighbour y of x, accept with min(1, deg(x)/deg(y)); π uniform."""

    degree_biased: ClassVar[bool] = False
    paths: ClassVar[Callable[..., SamplePaths]] = _Walks

    def chain(self, graph: Ground | None) -> ReversibleChain:
        return ReversibleChain.metropolis_hastings(graph_of(self, graph))

    def noise(self, G: NDArray[np.float64], graph: Ground | None) -> Noise:
        return noise_of_walk(self.chain(graph), G)
