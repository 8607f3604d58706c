"""Each property of the contract of objectives is broken by a small member that keeps all others."""

from typing import Any

import numpy as np
import pytest

from tests.plugins.broken import failing
from udsgd_mpi.objectives import Points, Ridge
from udsgd_mpi.testing import (
    ObjectiveContract,
)


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
