"""Independent draws."""

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.compiled import kernel
from udsgd_mpi.graphs import Graph
from udsgd_mpi.samplers.base import Indices, Path, Sampler, Stream
from udsgd_mpi.seeding import Purpose, below
from udsgd_mpi.theory.noise import Noise


class IID(Sampler, frozen=True, tag="iid"):
    """X_n independent and uniform on the agent's points (paper, Appendix G.1)."""

    on_graph: ClassVar[bool] = False
    degree_biased: ClassVar[bool] = False

    def noise(self, G: NDArray[np.float64], graph: Graph | None) -> Noise:
        return Noise.white(G.T @ G / len(G))

    def start(self, points: int, graph: Graph | None, stream: Stream) -> Path:
        return _IIDPath(points, stream)


class _IIDPath(Path):
    def __init__(self, points: int, stream: Stream) -> None:
        self.points = points
        self.stream = stream

    @property
    def memory(self) -> dict[str, NDArray[Any]]:
        return {}

    def draw(self, out: Indices) -> None:
        _scale(self.stream.bits(Purpose.SAMPLING, self.n, len(out)), self.points, out)
        self.n += len(out)


@kernel("void(uint64[:, ::1], int64, int32[:, :])")
def _scale(bits: NDArray[np.uint64], points: int, out: Indices) -> None:
    steps, trials = out.shape
    for n in range(steps):
        for t in range(trials):
            out[n, t] = below(bits[n, t], np.uint64(points))
