"""Non-backtracking random walk."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.graphs.ground import Ground
from udsgd_mpi.kernels.compiled import kernel
from udsgd_mpi.kernels.random_numbers import Purpose, below, fill_with_bits
from udsgd_mpi.samplers.base import KEY, Indices, Key, SamplePaths, Sampler, Streams, graph_of
from udsgd_mpi.samplers.graph_stack import STACK, Stack, graph_of_agent, joined, unique
from udsgd_mpi.samplers.walks import Walks
from udsgd_mpi.theory.chains import NonBacktrackingChain, noise_of_walk
from udsgd_mpi.theory.noise import Noise

_NONE = -1


@kernel(
    f"void({KEY}, int64, int64, {STACK}, int64[::1], int32[:, ::1], int64[:, ::1], int32[:, :, :])"
)
def _walk(
    key: Key,
    purpose: int,
    first: int,
    stack: Stack,
    reverse: NDArray[np.int64],
    nodes: Indices,
    backs: NDArray[np.int64],
    out: Indices,
) -> None:
    # back[t] is the arc from the present node to the previous one.
    seed, agents, first_trial = key
    steps, _, trials = out.shape
    bits = np.empty((steps, trials), dtype=np.uint64)
    for i in range(len(agents)):
        fill_with_bits(seed, purpose, agents[i], first_trial, first, bits)
        offsets, neighbours = graph_of_agent(stack, i)
        reverse_arc = reverse[stack[1][i] :]
        node, back = nodes[i], backs[i]
        for n in range(steps):
            for t in range(trials):
                x = node[t]
                out[n, i, t] = x
                degree = offsets[x + 1] - offsets[x]
                if back[t] == _NONE or degree == 1:
                    arc = offsets[x] + below(bits[n, t], np.uint64(degree))
                else:
                    arc = offsets[x] + below(bits[n, t], np.uint64(degree - 1))
                    if arc >= back[t]:
                        arc += 1
                node[t] = neighbours[arc]
                back[t] = reverse_arc[arc]


class _Walks(Walks):
    def __init__(
        self,
        law: Sampler,
        points: Sequence[int],
        graphs: Sequence[Ground | None],
        streams: Streams,
    ) -> None:
        super().__init__(law, points, graphs, streams)
        self.reverse = joined([graph.reverse_arcs() for graph in unique(self.graphs)[0]])
        self.back = np.full(self.next.shape, _NONE, dtype=np.int64)

    def memory(self, k: int) -> dict[str, NDArray[Any]]:
        return {**super().memory(k), "back": self.back[k]}

    def draw(self, out: Indices) -> None:
        key, start = self.streams.key, self.n
        _walk(key, Purpose.SAMPLING, start, self.stack, self.reverse, self.next, self.back, out)
        self.n += len(out)


class NBRW(Sampler, frozen=True, tag="nbrw"):
    """X_{n+1} uniform among the neighbours of X_n other than X_{n−1}; π ∝ degree.

    It goes back only from a node of degree 1 (Alon, Benjamini, Lubetzky and Sodin, 2007; Lee,
    Xu and Eun, SIGMETRICS 2012).
    """

    paths: ClassVar[Callable[..., SamplePaths]] = _Walks

    def chain(self, graph: Ground | None) -> NonBacktrackingChain:
        return NonBacktrackingChain(graph_of(self, graph))

    def noise(self, G: NDArray[np.float64], graph: Ground | None) -> Noise:
        return noise_of_walk(self.chain(graph), G)
