"""Each property of the contract of patterns is broken by a small member that keeps all others."""

from typing import ClassVar

import numpy as np
import pytest
from scipy.sparse import csr_array

from tests.plugins.broken import failing
from udsgd_mpi.communication import Pattern, Schedule, Weights
from udsgd_mpi.communication.base import InTurn
from udsgd_mpi.communication.dsgd import weights_on
from udsgd_mpi.communication.second_moment import SecondMoment
from udsgd_mpi.graphs import Graph
from udsgd_mpi.graphs.generators import Complete
from udsgd_mpi.testing import (
    PatternContract,
)
from udsgd_mpi.testing.graphs import TOPOLOGIES


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
