"""Each property of a contract is broken by a small member that keeps all others."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import pytest
from scipy.sparse import csr_array

from tests.contracts import WithoutRuns
from udsgd_mpi.communication import Pattern, Schedule, Weights
from udsgd_mpi.communication.base import InTurn
from udsgd_mpi.communication.dsgd import weights_on
from udsgd_mpi.communication.second_moment import SecondMoment
from udsgd_mpi.data.partition import Partition, Shares
from udsgd_mpi.data.reader import CustomReader
from udsgd_mpi.graphs import Graph
from udsgd_mpi.graphs.generators import Complete
from udsgd_mpi.graphs.ground import Ground
from udsgd_mpi.kernels.random_numbers import Purpose
from udsgd_mpi.methods import CustomMethod
from udsgd_mpi.objectives import Points, Ridge
from udsgd_mpi.samplers import SamplePaths, Sampler, Streams
from udsgd_mpi.samplers.base import draw_uniformly
from udsgd_mpi.testing import (
    Contract,
    MethodContract,
    ObjectiveContract,
    PartitionContract,
    PatternContract,
    ReaderContract,
    SamplerContract,
)
from udsgd_mpi.testing.graphs import TOPOLOGIES
from udsgd_mpi.testing.verdicts import Outcome, verdicts
from udsgd_mpi.theory.noise import Noise


def failing(contract: type[Contract], attribute: str, member: object) -> list[str]:
    """Properties that a member breaks."""
    own = type("Own", (WithoutRuns, contract), {attribute: member})()
    return [name for outcome, name, _ in verdicts(own) if outcome == Outcome.FAILED]


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


def lazy(topology: Graph) -> Weights:
    return weights_on(topology, "lazy")


class Estimated(InTurn):
    """Nothing is known of E[WᵀW]."""

    def second_moment(self, agents: int, shares: np.ndarray | None = None) -> SecondMoment | None:
        return None


class Unbalanced(Estimated):
    """W that adds a little at step 37, less than exchanges may be off."""

    def mixing(self, n: int) -> Weights:
        W = super().mixing(n)
        return Weights(W.offsets, W.columns, W.values * (1 + 1e-13 * (n == 37)))


class Miscounting(InTurn):
    def first(self, count: int, last: int) -> np.ndarray:
        return super().first(count, last)[:-1] if count == 5 else super().first(count, last)


class Sulking(Estimated):
    """W that depends on what was asked first."""

    asked: int | None = None

    def mixing(self, n: int) -> Weights:
        self.asked = self.asked or n
        W = super().mixing(n)
        return W if self.asked == 1 else Weights(W.offsets, W.columns, W.values[::-1])


class Boasting(InTurn):
    def second_moment(self, agents: int, shares: np.ndarray | None = None) -> SecondMoment | None:
        return SecondMoment.of(agents, [(1.0, csr_array(np.full((agents, agents), 1 / agents)))])


class Unfaithful(Weights):
    """W whose exchange takes other weights than it shows."""

    def matrix(self, agents: int) -> np.ndarray:
        return (super().matrix(agents) + np.eye(agents)) / 2


class Own(Pattern, frozen=True, tag="own"):
    schedule: ClassVar[type[Schedule]] = InTurn

    def start(self, topology: Graph, seed: int) -> Schedule:
        return type(self).schedule(1, [lazy(topology)])


class Elsewhere(Own, frozen=True, tag="elsewhere"):
    def start(self, topology: Graph, seed: int) -> Schedule:
        ring = Complete().draw(len(topology), 0)
        return InTurn(1, [lazy(ring)])


class Apart(Own, frozen=True, tag="apart"):
    def start(self, topology: Graph, seed: int) -> Schedule:
        n = len(topology)
        return InTurn(1, [Weights.from_entries(n, np.arange(n), np.arange(n), np.ones(n))])


class Lying(Own, frozen=True, tag="lying"):
    def start(self, topology: Graph, seed: int) -> Schedule:
        W = lazy(topology)
        return Estimated(1, [Unfaithful(W.offsets, W.columns, W.values)])


def scheduled_by(schedule: type[Schedule]) -> Pattern:
    name = schedule.__name__
    return type(name, (Own,), {"schedule": schedule}, frozen=True, tag=name)()


@pytest.mark.parametrize(
    ("pattern", "broken"),
    [
        (Own(), []),
        (scheduled_by(Unbalanced), ["w is doubly stochastic"]),
        (scheduled_by(Miscounting), ["times of a part are those of the whole"]),
        (Elsewhere(), ["w joins neighbours only"]),
        (scheduled_by(Sulking), ["w is the same on every rank and in any order"]),
        (scheduled_by(Boasting), ["second moment is the mean of the squares"]),
        (Apart(), ["w brings the agents together"]),
        (Lying(), ["the exchange is the product with w"]),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Pattern) else "",
)
def test_patterns(pattern: Pattern, broken: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(PatternContract, "topologies", {"star": TOPOLOGIES["star"]})
    assert failing(PatternContract, "pattern", pattern) == broken


class WrongValue(Ridge, frozen=True, tag="wrong_value"):
    def value(self, theta: np.ndarray, points: Points) -> float:
        return 1.001 * super().value(theta, points)


class WrongHessian(Ridge, frozen=True, tag="wrong_hessian"):
    def hessian(self, theta: np.ndarray, points: Points) -> np.ndarray:
        return 1.001 * super().hessian(theta, points)

    def product(self, theta: np.ndarray, direction: np.ndarray, points: Points) -> np.ndarray:
        return 1.001 * super().product(theta, direction, points)


class WrongProduct(Ridge, frozen=True, tag="wrong_product"):
    def product(self, theta: np.ndarray, direction: np.ndarray, points: Points) -> np.ndarray:
        return 1.001 * super().product(theta, direction, points)


class WrongStep(Ridge, frozen=True, tag="wrong_step"):
    def descend(self, theta: np.ndarray, X: np.ndarray, gamma: np.ndarray, *rest: Any) -> None:
        super().descend(theta, X, 1.001 * gamma, *rest)

    def slopes(self, theta: np.ndarray, X: np.ndarray, *rest: Any) -> None:
        super().slopes(theta, X, *rest)
        rest[-1][:] *= 1.001


class WrongSlopes(Ridge, frozen=True, tag="wrong_slopes"):
    def slopes(self, theta: np.ndarray, X: np.ndarray, *rest: Any) -> None:
        super().slopes(theta, X, *rest)
        rest[-1][:] *= 1.001


class Summing(Ridge, frozen=True, tag="summing"):
    """The gradient of a mini-batch is the sum over its points."""

    def descend(
        self,
        theta: np.ndarray,
        X: np.ndarray,
        gamma: np.ndarray,
        points: Points,
        batch: np.ndarray,
    ) -> None:
        super().descend(theta, X, gamma * batch[0], points, batch)

    def slopes(
        self,
        theta: np.ndarray,
        X: np.ndarray,
        points: Points,
        batch: np.ndarray,
        out: np.ndarray,
    ) -> None:
        super().slopes(theta, X, points, batch, out)
        out *= batch[0]


class Sociable(Ridge, frozen=True, tag="sociable"):
    """Rounds otherwise where there are many trials."""

    def descend(self, theta: np.ndarray, *rest: Any) -> None:
        super().descend(theta, *rest)
        if theta.shape[1] > 3:
            theta *= 1 + 2.0**-52


class Concave(Ridge, frozen=True, tag="concave"):
    """−F, whose steps go up."""

    def value(self, theta: np.ndarray, points: Points) -> float:
        return -super().value(theta, points)

    def gradient(self, theta: np.ndarray, points: Points) -> np.ndarray:
        return -super().gradient(theta, points)

    def hessian(self, theta: np.ndarray, points: Points) -> np.ndarray:
        return -super().hessian(theta, points)

    def product(self, theta: np.ndarray, direction: np.ndarray, points: Points) -> np.ndarray:
        return -super().product(theta, direction, points)

    def descend(self, theta: np.ndarray, X: np.ndarray, gamma: np.ndarray, *rest: Any) -> None:
        super().descend(theta, X, -gamma, *rest)

    def slopes(self, theta: np.ndarray, X: np.ndarray, *rest: Any) -> None:
        super().slopes(theta, X, *rest)
        rest[-1][:] *= -1


@pytest.mark.parametrize(
    ("objective", "broken"),
    [
        (Ridge(), []),
        (WrongValue(), ["the gradient is the slope of value"]),
        (WrongHessian(), ["the hessian is the slope of the gradient"]),
        (WrongProduct(), ["the product is the hessian times a direction"]),
        (WrongStep(), ["a local step follows the gradient of its point"]),
        (WrongSlopes(), ["slopes are what a local step follows"]),
        (Summing(), ["a mini batch is the mean of its points"]),
        (Sociable(), ["a local step has the same bits in any company"]),
        (Concave(), ["the minimizer has no gradient"]),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Ridge) else "",
)
def test_objectives(objective: Ridge, broken: list[str]) -> None:
    assert failing(ObjectiveContract, "objective", objective) == broken


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
    method = CustomMethod(path=f"tests.plugins.test_contracts:{own.__name__}")
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
    reader = CustomReader(path=f"tests.plugins.test_contracts:{own.__name__}")
    assert failing(ReaderContract, "reader", reader) == broken
