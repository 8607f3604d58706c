"""Single shuffling and random reshuffling."""

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.compiled import kernel
from udsgd_mpi.graphs import Graph
from udsgd_mpi.samplers.base import Indices, Path, Sampler, Stream
from udsgd_mpi.seeding import Purpose, below
from udsgd_mpi.theory.noise import Noise


class SingleShuffling(Sampler, frozen=True, tag="single_shuffling"):
    """One random permutation of the points, cycled for ever (paper, Appendix G.1)."""

    on_graph: ClassVar[bool] = False
    degree_biased: ClassVar[bool] = False
    long_memory: ClassVar[bool] = True

    def noise(self, G: NDArray[np.float64], graph: Graph | None) -> Noise:
        return Noise.white(np.zeros((G.shape[1], G.shape[1])))

    def start(self, points: int, graph: Graph | None, stream: Stream) -> Path:
        return _Shuffled(points, stream, last=points)


class Reshuffling(Sampler, frozen=True, tag="reshuffling"):
    """A new random permutation of the points in each epoch (paper, Appendix G.1)."""

    on_graph: ClassVar[bool] = False
    degree_biased: ClassVar[bool] = False
    long_memory: ClassVar[bool] = True

    def noise(self, G: NDArray[np.float64], graph: Graph | None) -> Noise:
        return Noise.white(np.zeros((G.shape[1], G.shape[1])))

    def start(self, points: int, graph: Graph | None, stream: Stream) -> Path:
        return _Shuffled(points, stream, last=np.iinfo(np.int64).max)


class _Shuffled(Path):
    """Fisher and Yates's shuffle, one exchange a step; from step ``last`` on the order stays."""

    def __init__(self, points: int, stream: Stream, last: int) -> None:
        self.stream = stream
        self.order = np.tile(np.arange(points, dtype=np.int32), (stream.trials, 1))
        self.last = last

    @property
    def memory(self) -> dict[str, NDArray[Any]]:
        return {"order": self.order}

    def draw(self, out: Indices) -> None:
        bits = self.stream.bits(Purpose.SAMPLING, self.n, len(out))
        _shuffle(bits, self.n, self.last, self.order, out)
        self.n += len(out)


@kernel("void(uint64[:, ::1], int64, int64, int32[:, ::1], int32[:, :])")
def _shuffle(bits: NDArray[np.uint64], first: int, last: int, order: Indices, out: Indices) -> None:
    steps, trials = out.shape
    points = order.shape[1]
    for n in range(steps):
        k = (first + n) % points
        for t in range(trials):
            if first + n < last:
                j = k + below(bits[n, t], np.uint64(points - k))
                order[t, k], order[t, j] = order[t, j], order[t, k]
            out[n, t] = order[t, k]
