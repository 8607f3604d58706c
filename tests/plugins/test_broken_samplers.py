"""Each property of the contract of samplers is broken by a small member that keeps all others."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import pytest

from tests.plugins.broken import failing
from udsgd_mpi.graphs import Graph
from udsgd_mpi.graphs.ground import Ground
from udsgd_mpi.kernels.random_numbers import Purpose
from udsgd_mpi.samplers import SamplePaths, Sampler, Streams
from udsgd_mpi.samplers.base import draw_uniformly
from udsgd_mpi.testing import (
    SamplerContract,
)
from udsgd_mpi.theory.noise import Noise


class Steps(SamplePaths):
    """x ← x + u mod points, u uniform: uniform in the long run, with x in memory."""

    def __init__(
        self, sampler: Sampler, points: Sequence[int], graphs: Sequence[Graph], streams: Streams
    ) -> None:
        self.points = np.array(points)[:, None]
        self.streams = streams
        self.x = streams.uniform_starts(np.array(points)).astype(np.int64)

    def draw(self, out: np.ndarray) -> None:
        u = np.empty(out.shape, dtype=np.int32)
        points = self.points.ravel().astype(np.int64)
        draw_uniformly(self.streams.key, Purpose.SAMPLING, self.n, points, u)
        for n, numbers in enumerate(u):
            self.x = (self.x + numbers) % self.points
            out[n] = self.x
        self.n += len(out)

    def memory(self, k: int) -> dict[str, np.ndarray]:
        return {"x": self.x[k]}


class Uniform(Sampler, frozen=True, tag="uniform"):
    degree_biased: ClassVar[bool] = False
    paths: ClassVar[type[SamplePaths]] = Steps

    def noise(self, G: np.ndarray, graph: Ground | None) -> Noise:
        return Noise.white(G.T @ G / len(G))


class Outside(Steps):
    def draw(self, out: np.ndarray) -> None:
        super().draw(out)
        out[out == 2] -= 3 * (self.n == 500)


class Unrepeatable(Steps):
    def draw(self, out: np.ndarray) -> None:
        super().draw(out)
        if self.n == len(out) == 200:
            out[:] = np.random.default_rng().integers(5, size=out.shape)


class KnowsBlocks(Steps):
    def draw(self, out: np.ndarray) -> None:
        if 2 <= len(out) < 99:
            self.x[:] = 0
        super().draw(out)


class Forgetful(Steps):
    def memory(self, k: int) -> dict[str, np.ndarray]:
        return {}


class KnowsTrials(Steps):
    def draw(self, out: np.ndarray) -> None:
        self.x += out.shape[-1] == 1
        super().draw(out)


class KnowsAgents(Steps):
    def draw(self, out: np.ndarray) -> None:
        self.x += out.shape[1] > 1
        super().draw(out)


class Lawless(Uniform, frozen=True, tag="lawless"):
    def stationary_law(self, points: int, graph: Graph | None) -> np.ndarray:
        law = np.full(points, 1.0)
        law[0] = 1.1
        return law / law.sum()


class Overrated(Uniform, frozen=True, tag="overrated"):
    def noise(self, G: np.ndarray, graph: Ground | None) -> Noise:
        return Noise.white(0.5 * G.T @ G / len(G))


class Weightless(Uniform, frozen=True, tag="weightless"):
    def importance_weights(self, kind: Any, points: int, graph: Graph | None) -> np.ndarray:
        return np.linspace(0.9, 1.1, points)


def drawn_by(paths: type[SamplePaths]) -> Sampler:
    return type(paths.__name__, (Uniform,), {"paths": paths}, frozen=True, tag=paths.__name__)()


@pytest.mark.parametrize(
    ("sampler", "broken"),
    [
        (Uniform(), []),
        (drawn_by(Outside), ["draws are points"]),
        (drawn_by(Unrepeatable), ["the same numbers give the same path"]),
        (drawn_by(KnowsBlocks), ["the size of blocks does not matter"]),
        (drawn_by(Forgetful), ["a path goes on from its memory"]),
        (drawn_by(KnowsTrials), ["a trial does not know the others"]),
        (drawn_by(KnowsAgents), ["an agent does not know the others"]),
        (Lawless(), ["visits reach the stationary law"]),
        (Overrated(), ["theory is that of its paths"]),
        (Weightless(), ["unbiased weights recover the uniform mean"]),
    ],
    ids=lambda value: value.name if isinstance(value, Sampler) else "",
)
def test_samplers(sampler: Sampler, broken: list[str]) -> None:
    assert failing(SamplerContract, "sampler", sampler) == broken
