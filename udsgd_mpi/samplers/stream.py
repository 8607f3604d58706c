"""Points in the order in which they came about."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.graphs.ground import Ground
from udsgd_mpi.kernels.compiled import kernel
from udsgd_mpi.samplers.base import DrawingTime, Indices, SamplePaths, Sampler, Streams
from udsgd_mpi.theory.noise import Noise

Integers = NDArray[np.int64]


@kernel("void(int64, int64[::1], int32[:, ::1], int32[:, :, :])")
def _go_on(first_step: int, lengths: Integers, starts: Indices, out: Indices) -> None:
    steps, agents, trials = out.shape
    for i in range(agents):
        for t in range(trials):
            k = (starts[i, t] + first_step) % lengths[i]
            for n in range(steps):
                out[n, i, t] = k
                k = k + 1 if k + 1 < lengths[i] else 0


class _Arriving(SamplePaths):
    def __init__(
        self,
        _law: "InOrder",
        points: Sequence[int],
        _graphs: Sequence[Ground | None],
        streams: Streams,
    ) -> None:
        self.lengths = np.array(points)
        self.starts = streams.uniform_starts(self.lengths)

    def memory(self, k: int) -> dict[str, NDArray[Any]]:
        return {"start": self.starts[k]}

    def draw(self, out: Indices) -> None:
        _go_on(self.n, self.lengths, self.starts, out)
        self.n += len(out)


class InOrder(Sampler, frozen=True, tag="stream"):
    """X_n = (s + n) mod L: the agent's L rows as they arrive, again and again, s uniform.

    With s uniform X is stationary. A sum over L steps does not depend on s, so for n ≫ L there is
    no noise: U = 0 and V = 0, as for single shuffling. Up to n = L a trial sees a part of the
    series alone. What counts then is the spectral density of its gradients at frequency zero, as
    far as n steps resolve it: U is estimated by batch means along the paths, with a standard error,
    and the error at n is that of the paths. Mini-batches are of rows that follow each other.
    """

    on_graph: ClassVar[bool] = False
    degree_biased: ClassVar[bool] = False
    long_memory: ClassVar[bool] = True
    keeps_order: ClassVar[bool] = True
    paths: ClassVar[Callable[..., SamplePaths]] = _Arriving
    drawing_time: ClassVar[DrawingTime] = DrawingTime(step=1)

    def noise(self, G: NDArray[np.float64], graph: Ground | None) -> Noise:
        return Noise.white(np.zeros((G.shape[1], G.shape[1])))

    def noise_up_to(self, n: int, G: NDArray[np.float64], graph: Ground | None) -> Noise | None:
        return self.noise(G, graph) if n >= len(G) else None
