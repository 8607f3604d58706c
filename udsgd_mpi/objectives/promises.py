"""What a user's objective must satisfy, tested on points of an agent before the first step.

Shapes, finite numbers, independence of trials, and that ``gradient`` is the slope of ``value``: a
run of an objective that breaks one of these ends, but elsewhere.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.data.features import dense_rows, norms
from udsgd_mpi.objectives.base import Floats, Points
from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.support.users_code import users

_POINTS = 5
_ROWS, _COMPANIES = 67, (1, 2, 3, 5, 16, 33)  # with which rowwise = True is tried
_DIRECTIONS = 2  # at random, beside those of θ and of the gradient
_SEED = 20240917
_MOST_NUMBERS = 2**22  # of θ in all trials of a call

# Steps of difference quotients in units of ε^⅓: shorter ones where f bends a lot within a step, or
# has a kink there, and longer ones where its value is large.
_STEPS = (100.0, 10.0, 1.0, 0.1)

# What a slope may be off, of the length of the gradient. Quotients reach 1e-9 in double precision.
_TOLERANCE = {"float64": 1e-5, "float32": 1e-3, "float16": 1e-1}


class Promises:
    """Those of an objective on the points of an agent.

    Parameters
    ----------
    own
        The objective.
    path
        What the user calls it.
    d
        Number of parameters.
    """

    def __init__(self, own: Any, path: str, points: Points, d: int, agent: int) -> None:
        self._own = own
        self._path = path
        self._points = points
        self._d = d
        self._width = max(d, points.features.shape[1])
        self._agent = agent
        self._rng = np.random.default_rng((_SEED, agent))

    def check(self) -> None:
        """Try all of them on a few points.

        Raises
        ------
        ConfigurationError
            For the first that is broken.
        """
        available = len(self._points.labels)
        number = min(available, _POINTS, max(1, _MOST_NUMBERS // self._width))
        points = np.unique(np.linspace(0, available - 1, number).astype(np.int64))
        scale = 1 / np.maximum(1, norms(self._points.features[points]))[:, None]
        nowhere, near = np.zeros((len(points), self._d)), scale * self._directions(len(points))
        for trials in (1, 2, 3):
            for method in ("value", "gradient"):
                self._ask(method, near[[0] * trials], points[[0] * trials], "at a random θ")
        for method in ("value", "gradient"):
            self._check_independence(method, near, points)
        self._check_slopes(nowhere, scale, points, "at θ = 0")
        self._check_slopes(near, scale, points, "at a random θ")
        # Penalties show further out, where other terms may overflow.
        far = self._directions(len(points))
        self._check_slopes(far, np.ones_like(scale), points, "at a random θ", demand_finite=False)

    def check_rows(self) -> None:
        """Whether the bits of each row of a gradient are the same in any company.

        Raises
        ------
        ConfigurationError
            With the first point where they are not.
        """
        number = min(len(self._points.labels), _ROWS, max(1, _MOST_NUMBERS // self._width))
        points = np.arange(number)
        theta = self._directions(number)
        together = self._ask("gradient", theta, points, "at a random θ")
        for size in _COMPANIES:
            for first in range(0, number, size):
                some = slice(first, first + size)
                alone = self._ask("gradient", theta[some], points[some], "at a random θ")
                same = (alone == together[some]).all(axis=1)
                if not same.all():
                    k = int(np.argmin(same))
                    raise self._broken(
                        "gradient",
                        "as rowwise = True says, the same bits for each row whatever rows are"
                        f" beside it, got others among {len(alone)} rows than among {number}",
                        "use sums over axis=1 in place of products by @, or leave rowwise out",
                        points[some][k],
                    )

    def check_finite(self) -> None:
        """Look at the value and gradient of every point at θ = 0, where all agents begin.

        Raises
        ------
        ConfigurationError
            With the first point where one is not finite.
        """
        size = max(1, _MOST_NUMBERS // self._width)
        for start in range(0, len(self._points.labels), size):
            points = np.arange(start, min(start + size, len(self._points.labels)))
            for method in ("value", "gradient"):
                self._ask(method, np.zeros((len(points), self._d)), points, "at θ = 0")

    def _directions(self, number: int) -> Floats:
        """Of length 1, shape (number, d)."""
        directions = self._rng.normal(size=(number, self._d))
        return np.asarray(directions / np.linalg.norm(directions, axis=1, keepdims=True))

    def _ask(
        self,
        method: str,
        theta: Floats,
        points: NDArray[np.int64],
        where: str,
        *,
        demand_finite: bool = True,
    ) -> NDArray[Any]:
        """What the method gives, once its shape and numbers are as they have to be."""
        features = dense_rows(self._points.features, points)
        given = theta, features, self._points.labels[points]
        passed = tuple(array.copy() for array in given)
        with np.errstate(all="ignore"):
            given_back = getattr(self._own, method)(*passed)
            got = users(f"objective {self._path}", np.asarray, given_back)
        for name, before, after in zip(("theta", "features", "labels"), given, passed, strict=True):
            if not np.array_equal(before, after, equal_nan=True):
                raise self._broken(
                    method, f"to leave its arguments unchanged, got another {name} after the call",
                    "work on a copy",
                )  # fmt: skip
        expected = (len(theta),) if method == "value" else (len(theta), self._d)
        if got.dtype.kind not in "fiu":
            raise self._broken(
                method, f"an array of real numbers, got one of {got.dtype}", "give float64"
            )
        if got.shape != expected:
            raise self._broken(
                method,
                f"an array of shape {expected} for {len(theta)} trial{'s' * (len(theta) != 1)} and"
                f" d = {self._d}, got {got.shape}",
                "trials come first in θ, features and labels, and in the result",
            )
        finite = np.isfinite(got).reshape(len(theta), -1).all(axis=1)
        if demand_finite and not finite.all():
            k = int(np.argmin(finite))
            bad = got[k].ravel()[~np.isfinite(got[k]).ravel()][0]
            raise self._broken(
                method, f"finite numbers {where}, got {bad}", "look at that point", points[k]
            )
        return got

    def _check_independence(self, method: str, theta: Floats, points: NDArray[np.int64]) -> None:
        """That a trial has the same result in any company, and in any call."""
        together = self._ask(method, theta, points, "at a random θ")
        again = self._ask(method, theta, points, "at a random θ")
        for k, point in enumerate(points):
            if not np.array_equal(together[k], again[k]):
                raise self._broken(
                    method,
                    "the same result for the same arguments, got"
                    f" {_difference(together[k], again[k])} in two calls",
                    "nothing in it may be random or depend on earlier calls",
                    point,
                )
            alone = self._ask(method, theta[k : k + 1], points[k : k + 1], "at a random θ")[0]
            size = np.abs(together[k]).max(initial=0) + np.abs(alone).max(initial=0)
            if np.abs(together[k] - alone).max() > _tolerance(together, alone) * size:
                raise self._broken(
                    method,
                    "the same result for each trial as for that trial alone, got"
                    f" {_difference(alone, together[k])} alone and among {len(theta)} trials",
                    "sums over parameters need axis=1, and none may run over trials",
                    point,
                )

    def _check_slopes(
        self,
        theta: Floats,
        scale: Floats,
        points: NDArray[np.int64],
        where: str,
        *,
        demand_finite: bool = True,
    ) -> None:
        """That the gradient is the slope of value, or at a kink one of its slopes.

        Parameters
        ----------
        scale
            Over how long a way F changes notably, shape (points, 1).
        """

        def ask(method: str, at: Floats) -> NDArray[Any]:
            return self._ask(method, at, points, where, demand_finite=demand_finite)

        gradient, value = ask("gradient", theta), ask("value", theta)
        tolerance = _tolerance(gradient, value)
        eps = float(np.finfo(np.result_type(value.dtype, np.float32)).eps)
        length = np.linalg.norm(gradient, axis=1)
        for direction in self._ways(theta, gradient):
            slope = (gradient * direction).sum(axis=1)
            right = ~np.isfinite(slope + value)
            for factor in _STEPS:
                step = factor * np.cbrt(eps) * scale
                with np.errstate(all="ignore"):
                    up, down = (
                        self._ask("value", at, points, where, demand_finite=False).astype(float)
                        for at in (theta + step * direction, theta - step * direction)
                    )
                    h = step[:, 0]
                    quotient = (up - down) / (2 * h)
                    # Of what F is made of, which may be of order 1 where F itself is small.
                    size = np.max(np.abs([up, value, down, np.ones_like(up)]), axis=0)
                    rounding = 4 * eps * size / h
                    allowed = tolerance * (length + np.abs(quotient)) + rounding
                    right |= np.abs(quotient - slope) <= allowed
            # On both sides of a kink, with the shortest step.
            with np.errstate(all="ignore"):
                sides = np.stack([(up - value) / h, (value - down) / h])
                right |= (sides.min(axis=0) - allowed <= slope) & (
                    slope <= sides.max(axis=0) + allowed
                )
            if not right.all():
                k = int(np.argmin(right))
                raise self._broken(
                    "gradient",
                    f"the slope of value in some direction {where}, {quotient[k]:.6g} by difference"
                    f" quotients, got {slope[k]:.6g}{_hint(slope[k], quotient[k])}",
                    "correct gradient, or value: they belong to different functions",
                    points[k],
                )

    def _ways(self, theta: Floats, gradient: NDArray[Any]) -> Iterator[Floats]:
        """Directions of length 1, shape (points, d): at random, to 0, and up."""
        for _ in range(_DIRECTIONS):
            yield self._directions(len(theta))
        for way in (theta, gradient):
            length = np.linalg.norm(way, axis=1, keepdims=True)
            if np.isfinite(length).all() and (length > 0).all():
                yield np.asarray(way / length, dtype=np.float64)

    def _broken(
        self, method: str, what: str, remedy: str, point: np.int64 | None = None
    ) -> ConfigurationError:
        where = f"agent {self._agent}" if point is None else f"point {point} of agent {self._agent}"
        return ConfigurationError(
            f"objective {self._path}: {method}, tried on {where}: expected {what}; {remedy}"
        )


def _tolerance(*arrays: NDArray[Any]) -> float:
    """By the coarser floating-point type; whole numbers count as double."""
    types = [array.dtype.name for array in arrays if array.dtype.kind == "f"]
    return max(_TOLERANCE.get(name, _TOLERANCE["float64"]) for name in [*types, "float64"])


def _difference(one: NDArray[Any], other: NDArray[Any]) -> str:
    """Two results where they differ most."""
    at = np.unravel_index(np.argmax(np.abs(one - other)), one.shape)
    return f"{one[at]:.6g} and {other[at]:.6g}"


def _hint(slope: float, quotient: float) -> str:
    """How many times too large a slope is, where that is a number that says something."""
    if abs(quotient) < 1e-12:
        return ""
    ratio = slope / quotient
    known = {-1.0: "the sign is wrong", 2.0: "twice as much", 0.5: "half as much"}
    near = [words for factor, words in known.items() if abs(ratio - factor) < 1e-3]
    return f" ({near[0]})" if near else ""
