"""Single shuffling and random reshuffling."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.graphs.ground import Ground
from udsgd_mpi.kernels.compiled import kernel
from udsgd_mpi.kernels.random_numbers import Purpose, below, fill_with_bits
from udsgd_mpi.samplers.base import KEY, Indices, Key, SamplePaths, Sampler, Streams
from udsgd_mpi.samplers.ragged import Ragged, array_of_agent
from udsgd_mpi.theory.noise import Noise
from udsgd_mpi.theory.visits import of_a_permutation


class _Shuffled(SamplePaths):
    """Fisher and Yates's shuffle, one exchange a step; from step ``last`` on the order stays."""

    def __init__(
        self,
        law: "_Shuffling",
        points: Sequence[int],
        _graphs: Sequence[Ground | None],
        streams: Streams,
    ) -> None:
        self.streams = streams
        self.points = np.array(points)
        self.last = np.where(law.once, self.points, np.iinfo(np.int64).max)
        self.order = Ragged(streams.trials, self.points, np.int32)
        for k in range(len(points)):
            self.order[k][:] = np.arange(points[k])

    def memory(self, k: int) -> dict[str, NDArray[Any]]:
        return {"order": self.order[k]}

    def draw(self, out: Indices) -> None:
        _shuffle(
            self.streams.key, Purpose.SAMPLING, self.n, self.points, self.last, self.order.flat, out
        )
        self.n += len(out)


class _Shuffling(Sampler, frozen=True):
    on_graph: ClassVar[bool] = False
    degree_biased: ClassVar[bool] = False
    long_memory: ClassVar[bool] = True
    paths: ClassVar[Callable[..., SamplePaths]] = _Shuffled
    once: ClassVar[bool] = False

    def chance(self, last: NDArray[np.int64], graph: Ground | None) -> float:
        return of_a_permutation(last)

    def noise(self, G: NDArray[np.float64], graph: Ground | None) -> Noise:
        return Noise.white(np.zeros((G.shape[1], G.shape[1])))


class SingleShuffling(_Shuffling, frozen=True, tag="single_shuffling"):
    """One random permutation of the points, cycled for ever (paper, Appendix G.1)."""

    once: ClassVar[bool] = True


class Reshuffling(_Shuffling, frozen=True, tag="reshuffling"):
    """A new random permutation of the points in each epoch (paper, Appendix G.1)."""


@kernel(f"void({KEY}, int64, int64, int64[::1], int64[::1], int32[::1], int32[:, :, :])")
def _shuffle(
    key: Key,
    purpose: int,
    first: int,
    points: NDArray[np.int64],
    last: NDArray[np.int64],
    orders: Indices,
    out: Indices,
) -> None:
    seed, agents, first_trial = key
    steps, _, trials = out.shape
    bits = np.empty((steps, trials), dtype=np.uint64)
    start = 0
    for i in range(len(agents)):
        if first < last[i]:
            fill_with_bits(seed, purpose, agents[i], first_trial, first, bits)
        order = array_of_agent(orders, start, trials, points[i])
        start += order.size
        for n in range(steps):
            k = (first + n) % points[i]
            for t in range(trials):
                if first + n < last[i]:
                    j = k + below(bits[n, t], np.uint64(points[i] - k))
                    order[t, k], order[t, j] = order[t, j], order[t, k]
                out[n, i, t] = order[t, k]
