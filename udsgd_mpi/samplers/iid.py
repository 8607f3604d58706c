"""Independent draws."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.graphs.ground import Ground
from udsgd_mpi.kernels.random_numbers import Purpose
from udsgd_mpi.samplers.base import Indices, SamplePaths, Sampler, Streams, draw_uniformly
from udsgd_mpi.theory.noise import Noise
from udsgd_mpi.theory.visits import of_independent_draws


class _IIDPaths(SamplePaths):
    def __init__(
        self,
        _law: Sampler,
        points: Sequence[int],
        _graphs: Sequence[Ground | None],
        streams: Streams,
    ) -> None:
        self.points = np.array(points)
        self.streams = streams

    def memory(self, k: int) -> dict[str, NDArray[Any]]:
        return {}

    def draw(self, out: Indices) -> None:
        draw_uniformly(self.streams.key, Purpose.SAMPLING, self.n, self.points, out)
        self.n += len(out)


class IID(Sampler, frozen=True, tag="iid"):
    """X_n independent and uniform on the agent's points (paper, Appendix G.1)."""

    on_graph: ClassVar[bool] = False
    degree_biased: ClassVar[bool] = False
    paths: ClassVar[Callable[..., SamplePaths]] = _IIDPaths

    def chance(self, last: NDArray[np.int64], graph: Ground | None) -> float:
        return of_independent_draws(last)

    def noise(self, G: NDArray[np.float64], graph: Ground | None) -> Noise:
        return Noise.white(G.T @ G / len(G))
