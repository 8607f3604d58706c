"""A user's objective is taken if its gradient is the slope of its value, and refused if not."""

from typing import Any

import numpy as np
import pytest

from udsgd_mpi.objectives import Logistic, Objective, Points, Quadratic, Ridge, Softmax
from udsgd_mpi.objectives.promises import Promises
from udsgd_mpi.support.errors import ConfigurationError

FEATURES = 6


class Wrapped:
    """An objective of the package as a user writes one."""

    def __init__(self, objective: Objective) -> None:
        self.objective = objective

    def value(self, theta: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        rows = (Points(x[k : k + 1], y[k : k + 1], np.ones(1)) for k in range(len(x)))
        return np.array([self.objective.value(theta[k], row) for k, row in enumerate(rows)])

    def gradient(self, theta: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        rows = (Points(x[k : k + 1], y[k : k + 1], np.ones(1)) for k in range(len(x)))
        return np.array([self.objective.gradient(theta[k], row) for k, row in enumerate(rows)])


class Plain:
    """½ (θᵀx − y)² + ½ κ ‖θ‖²; tests break it."""

    l2 = 0.1

    def value(self, theta: np.ndarray, x: np.ndarray, y: np.ndarray) -> Any:
        return self.residual(theta, x, y) ** 2 / 2 + self.l2 / 2 * (theta**2).sum(axis=1)

    def gradient(self, theta: np.ndarray, x: np.ndarray, y: np.ndarray) -> Any:
        return self.residual(theta, x, y)[:, None] * x + self.l2 * theta

    @staticmethod
    def residual(theta: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return (theta * x).sum(axis=1) - y


class Single(Plain):
    def gradient(self, *arguments: np.ndarray) -> Any:
        return super().gradient(*arguments).astype(np.float32)


class SingleThroughout(Plain):
    def value(self, *arguments: np.ndarray) -> Any:
        return super().value(*(a.astype(np.float32) for a in arguments))

    def gradient(self, *arguments: np.ndarray) -> Any:
        return super().gradient(*(a.astype(np.float32) for a in arguments))


class Hinge(Plain):
    def value(self, theta: np.ndarray, x: np.ndarray, y: np.ndarray) -> Any:
        margin = 1 - (2 * y - 1) * (theta * x).sum(axis=1)
        return np.maximum(0, margin) + self.l2 / 2 * (theta**2).sum(axis=1)

    def gradient(self, theta: np.ndarray, x: np.ndarray, y: np.ndarray) -> Any:
        sign = 2 * y - 1
        outside = sign * (theta * x).sum(axis=1) < 1
        return -(outside * sign)[:, None] * x + self.l2 * theta


class Lasso(Plain):
    """Its slope at 0 is the one of either side."""

    def value(self, theta: np.ndarray, x: np.ndarray, y: np.ndarray) -> Any:
        return super().value(theta, x, y) + np.abs(theta).sum(axis=1)

    def gradient(self, theta: np.ndarray, x: np.ndarray, y: np.ndarray) -> Any:
        return super().gradient(theta, x, y) + np.where(theta >= 0, 1.0, -1.0)


class Overflowing(Plain):
    """A logistic loss that overflows far from the data, as users write it."""

    def value(self, theta: np.ndarray, x: np.ndarray, y: np.ndarray) -> Any:
        z = (theta * x).sum(axis=1)
        return np.log(1 + np.exp(z)) - y * z

    def gradient(self, theta: np.ndarray, x: np.ndarray, y: np.ndarray) -> Any:
        z = np.exp((theta * x).sum(axis=1))
        return (z / (1 + z) - y)[:, None] * x


class WrongSign(Plain):
    def gradient(self, *arguments: np.ndarray) -> Any:
        return -super().gradient(*arguments)


class DoubledPenalty(Plain):
    def gradient(self, theta: np.ndarray, x: np.ndarray, y: np.ndarray) -> Any:
        return super().gradient(theta, x, y) + self.l2 * theta


class NoPenalty(Plain):
    def gradient(self, theta: np.ndarray, x: np.ndarray, y: np.ndarray) -> Any:
        return super().gradient(theta, x, y) - self.l2 * theta


class OneCoordinate(Plain):
    def gradient(self, *arguments: np.ndarray) -> Any:
        slope = super().gradient(*arguments)
        slope[:, 3] *= 1.01
        return slope


class ShapeOfTrials(Plain):
    def gradient(self, *arguments: np.ndarray) -> Any:
        return self.residual(*arguments)


class ShapeOfOne(Plain):
    def gradient(self, *arguments: np.ndarray) -> Any:
        return super().gradient(*arguments)[:, :1]


class MeanValue(Plain):
    def value(self, *arguments: np.ndarray) -> Any:
        return super().value(*arguments).mean()


class SharedPenalty(Plain):
    def value(self, theta: np.ndarray, x: np.ndarray, y: np.ndarray) -> Any:
        return self.residual(theta, x, y) ** 2 / 2 + self.l2 / 2 * (theta**2).sum()


class MeanSlope(Plain):
    def gradient(self, *arguments: np.ndarray) -> Any:
        slope = super().gradient(*arguments)
        return np.tile(slope.mean(axis=0), (len(slope), 1))


class Random(Plain):
    def gradient(self, *arguments: np.ndarray) -> Any:
        return super().gradient(*arguments) * np.random.default_rng().uniform(0.9, 1.1)


class Counting(Plain):
    calls = 0

    def value(self, *arguments: np.ndarray) -> Any:
        self.calls += 1
        return super().value(*arguments) + self.calls


class Overwriting(Plain):
    def gradient(self, theta: np.ndarray, x: np.ndarray, y: np.ndarray) -> Any:
        theta *= self.l2
        theta += self.residual(theta / self.l2, x, y)[:, None] * x
        return theta


class NotANumber(Plain):
    def gradient(self, *arguments: np.ndarray) -> Any:
        return super().gradient(*arguments) * np.nan


class Infinite(Plain):
    def value(self, *arguments: np.ndarray) -> Any:
        return super().value(*arguments) + np.inf


class Complex(Plain):
    def value(self, *arguments: np.ndarray) -> Any:
        return super().value(*arguments) + 0j


def points(scale: float = 1.0) -> Points:
    rng = np.random.default_rng(3)
    labels = (np.arange(40) % 2).astype(float)
    return Points(scale * rng.normal(size=(40, FEATURES)), labels, np.ones(40))


def promises(own: object, d: int = FEATURES, scale: float = 1.0) -> Promises:
    return Promises(own, "mine:Mine", points(scale), d, agent=2)


@pytest.mark.parametrize("scale", [1e-3, 1.0, 4000.0])
@pytest.mark.parametrize(
    "own",
    [
        Plain(),
        Single(),
        SingleThroughout(),
        Hinge(),
        Lasso(),
        Overflowing(),
        Wrapped(Logistic(l2=1e-3)),
        Wrapped(Ridge(l2=0.0)),
        Wrapped(Quadratic(condition=1e4)),
    ],
    ids=lambda own: type(getattr(own, "objective", own)).__name__,
)
def test_right_objectives_are_taken(own: object, scale: float) -> None:
    found = promises(own, scale=scale)
    found.check()
    found.check_finite()


def test_softmax_is_taken() -> None:
    promises(Wrapped(Softmax(l2=0.3)), d=2 * FEATURES).check()


@pytest.mark.parametrize(
    ("own", "said"),
    [
        (WrongSign(), "gradient, tried on point 9 of agent 2.*slope of value.*sign is wrong"),
        (DoubledPenalty(), "gradient.*slope of value"),
        (NoPenalty(), "gradient.*slope of value"),
        (OneCoordinate(), "gradient.*slope of value"),
        (ShapeOfTrials(), r"gradient.*shape \(1, 6\) for 1 trial and d = 6, got \(1,\)"),
        (ShapeOfOne(), r"gradient.*shape \(1, 6\) for 1 trial and d = 6, got \(1, 1\)"),
        (MeanValue(), r"value.*shape \(1,\) for 1 trial and d = 6, got \(\)"),
        (SharedPenalty(), "value.*for that trial alone"),
        (MeanSlope(), "gradient.*for that trial alone"),
        (Random(), "gradient.*the same arguments.*two calls"),
        (Counting(), "value.*the same arguments.*two calls"),
        (Overwriting(), "gradient.*leave its arguments unchanged, got another theta"),
        (NotANumber(), "gradient.*finite numbers.*got nan"),
        (Infinite(), "value.*finite numbers.*got inf"),
        (Complex(), "value.*real numbers, got one of complex128"),
    ],
    ids=lambda own: type(own).__name__ if isinstance(own, Plain) else "",
)
def test_wrong_objectives_are_refused(own: object, said: str) -> None:
    with pytest.raises(ConfigurationError, match=f"objective mine:Mine: {said}"):
        promises(own).check()


class ByAll(Plain):
    """A gradient whose last bits depend on how many rows there are."""

    def gradient(self, theta: np.ndarray, x: np.ndarray, y: np.ndarray) -> Any:
        return super().gradient(theta, x, y) * (1 + 2**-52 * (len(x) > 20))


def test_rows_that_know_of_each_other_are_not_rowwise() -> None:
    promises(Plain()).check_rows()
    own = promises(ByAll())
    own.check()
    with pytest.raises(
        ConfigurationError, match=r"gradient, .*rowwise = True.* others among 1 rows"
    ):
        own.check_rows()


def test_an_infinite_value_at_one_point_is_found() -> None:
    class At(Plain):
        def value(self, theta: np.ndarray, x: np.ndarray, y: np.ndarray) -> Any:
            value = super().value(theta, x, y)
            value[(x == points().features[17]).all(axis=1)] = np.inf
            return value

    with pytest.raises(ConfigurationError, match=r"point 17 of agent 2.*θ = 0, got inf"):
        promises(At()).check_finite()
