"""Partitions, methods and readers that break one property of their contract each."""

import numpy as np
import pytest

from tests.plugins.broken import failing
from udsgd_mpi.data.partition import Partition, Shares
from udsgd_mpi.data.reader import CustomReader
from udsgd_mpi.methods import CustomMethod
from udsgd_mpi.testing import (
    MethodContract,
    PartitionContract,
    ReaderContract,
)


class Cut(Partition, frozen=True, tag="cut"):
    """Equal parts after a shuffle; ``wrong`` says what is wrong with them."""

    wrong: str = ""

    def share(self, labels: np.ndarray, agents: int, seed: int) -> Shares:
        own = None if self.wrong == "unrepeatable" else seed
        order = np.random.default_rng(own).permutation(len(labels))
        size = len(order) // agents
        rows = list(order[: size * agents].reshape(agents, size))
        if self.wrong == "twice":
            rows[1][0] = rows[0][0]
        return Shares(rows, len(order) - size * agents)


@pytest.mark.parametrize(
    ("wrong", "broken"),
    [
        ("", []),
        ("twice", ["every row is held once or left over"]),
        ("unrepeatable", ["the same seed gives the same rows"]),
    ],
)
def test_partitions(wrong: str, broken: list[str]) -> None:
    assert failing(PartitionContract, "partition", Cut(wrong)) == broken


class Plain:
    """θ ← θ − γ g."""

    def step(self, theta: np.ndarray, slope: np.ndarray, gamma: float, n: int) -> np.ndarray:
        return theta - gamma * slope


class Drawing(Plain):
    def step(self, theta: np.ndarray, slope: np.ndarray, gamma: float, n: int) -> np.ndarray:
        return super().step(theta, slope * np.random.default_rng().uniform(), gamma, n)


class Remembering(Plain):
    far = False

    def step(self, theta: np.ndarray, slope: np.ndarray, gamma: float, n: int) -> np.ndarray:
        self.far |= n == 9
        return super().step(theta, slope + self.far, gamma, n)


class Sharing(Plain):
    def step(self, theta: np.ndarray, slope: np.ndarray, gamma: float, n: int) -> np.ndarray:
        return super().step(theta, slope + (n > 5) * slope.mean(), gamma, n)


@pytest.mark.parametrize(
    ("own", "broken"),
    [
        (Plain, []),
        (Drawing, ["a step depends on its arguments"]),
        (Remembering, ["steps go on from what is declared"]),
        (Sharing, ["an agent and a trial do not know the others"]),
    ],
)
def test_methods(own: type, broken: list[str]) -> None:
    method = CustomMethod(path=f"tests.plugins.test_broken_parts:{own.__name__}")
    assert failing(MethodContract, "method", method) == broken


class Points50:
    """Points of an agent."""

    def read_agent(self, agent: int) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.default_rng(agent)
        return rng.normal(size=(50, 3)), np.ones(50)


class Lacking(Points50):
    def read_agent(self, agent: int) -> tuple[np.ndarray, np.ndarray]:
        features, labels = super().read_agent(agent)
        labels[7] = np.nan
        return features, labels


class InOrder(Points50):
    calls = 0

    def read_agent(self, agent: int) -> tuple[np.ndarray, np.ndarray]:
        self.calls += 1
        return super().read_agent(self.calls)


@pytest.mark.parametrize(
    ("own", "broken"),
    [
        (Points50, []),
        (Lacking, ["points are finite"]),
        (InOrder, ["points are the same whenever they are read"]),
    ],
)
def test_readers(own: type, broken: list[str]) -> None:
    reader = CustomReader(path=f"tests.plugins.test_broken_parts:{own.__name__}")
    assert failing(ReaderContract, "reader", reader) == broken
