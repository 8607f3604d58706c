"""An objective of the user's own."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

import numpy as np
from msgspec import field
from numpy.typing import NDArray

from udsgd_mpi.data.features import dense_rows
from udsgd_mpi.objectives.base import Floats, Objective, Points
from udsgd_mpi.objectives.minimizer import Precision
from udsgd_mpi.objectives.own_slopes import OwnSlopes
from udsgd_mpi.objectives.promises import Promises
from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.support.file_names import names_file
from udsgd_mpi.support.one_line import shown
from udsgd_mpi.support.plugin import made_once

_METHODS = ("value(theta, features, labels)", "gradient(theta, features, labels)")
_SAID = {"convex": True, "rowwise": False}  # unless the class says otherwise
_MOST_NUMBERS = 2**25  # of θ, once for each point
_POWERS, _TINY = 20, 1e-300


class Custom(Objective, frozen=True, tag="custom"):
    """A class with ``value`` and ``gradient`` over NumPy arrays, trials leading.

    ``value(theta, features, labels)`` takes θ (trials, d), features (trials, features) and labels
    (trials,) and gives F of each trial, shape (trials,); ``gradient`` takes the same and gives
    ∇F, shape (trials, d). ``dimension(features)`` gives d; without it d = features. The Hessian
    at θ* is taken by central differences of the gradient. Before the first step both are tried on
    points of the agents, see ``promises``. A class with ``convex = False`` says that f need not
    have a unique minimiser: none is looked for.

    A local step calls ``gradient`` once for each agent, with a row for each trial and each point of
    the mini-batch. ``rowwise = True`` in the class says that no bit of a row depends on the other
    rows, as products by ``@`` may; then one call takes the rows of all agents of a rank, as far
    as agents that follow each other have mini-batches of one size.

    Parameters
    ----------
    path
        ``"module:Class"``, where the module is a file beside the experiment, in the working folder,
        or anything that can be imported; or ``"file.py:Class"``.
    arguments
        Keyword arguments of the class.
    minimizer
        ``"none"``: none is looked for, and losses and the norm of the gradient are recorded in
        place of the error. ``"auto"``: as the class says.
    """

    path: Annotated[str, names_file(of_class=True)]
    arguments: dict[str, Any] = field(default_factory=dict)
    minimizer: Literal["auto", "none"] = "auto"

    @property
    def has_minimizer(self) -> bool:
        return self.minimizer == "auto" and self._says("convex")

    def encode(self, labels: Floats, classes: Floats) -> Floats:
        self._implementation()
        return labels

    def dimension(self, features: int, classes: int) -> int:
        own = getattr(self._implementation(), "dimension", None)
        d = features if own is None else own(features)
        if not isinstance(d, int | np.integer) or d < 1:
            raise ConfigurationError(
                f"objective {self.path}: expected a whole number d ≥ 1 of dimension({features}),"
                f" got {d!r}"
            )
        return int(d)

    def check(self, points: Points, d: int, agent: int, *, thorough: bool) -> None:
        promises = Promises(self._implementation(), self.path, points, d, agent)
        if thorough:
            promises.check()
            if self._says("rowwise"):
                promises.check_rows()
        promises.check_finite()

    def precision(self, points: Points, d: int) -> Precision:
        first = dense_rows(points.features, slice(1))
        slope = self._implementation().gradient(np.zeros((1, d)), first, points.labels[:1])
        eps = float(np.finfo(_number(slope)).eps)
        return Precision(eps, eps ** (2 / 3))

    def remedy(self, *, convex: bool) -> str:
        if convex:
            return "add a penalty such as (κ/2)‖θ‖² to value, and κθ to gradient"
        return (
            "the objective must be convex around a unique minimiser; check its sign, add a penalty"
            " such as (κ/2)‖θ‖², or say by convex = False in its class that it is not"
        )

    def descend(
        self,
        theta: Floats,
        X: NDArray[np.int32],
        gamma: Floats,
        points: Points,
        batch: NDArray[np.int64],
    ) -> None:
        moves, slopes = np.empty(theta.shape), self._own_slopes(points, batch)
        for n, step in enumerate(gamma.tolist()):
            slopes(theta, X[n], step, moves)
            theta -= moves

    def slopes(
        self,
        theta: Floats,
        X: NDArray[np.int32],
        points: Points,
        batch: NDArray[np.int64],
        out: Floats,
    ) -> None:
        self._own_slopes(points, batch)(theta, X, 1.0, out)

    def _own_slopes(self, points: Points, batch: NDArray[np.int64]) -> OwnSlopes:
        own = self._implementation()
        return OwnSlopes(own.gradient, self._name, points, batch, rowwise=self._says("rowwise"))

    def value(self, theta: Floats, points: Points) -> float:
        values = np.concatenate([*self._in_blocks("value", theta, points)])
        return float(points.weights @ values)

    def gradient(self, theta: Floats, points: Points) -> Floats:
        total, first = np.zeros(len(theta)), 0
        for slopes in self._in_blocks("gradient", theta, points):
            total += points.weights[first : first + len(slopes)] @ slopes
            first += len(slopes)
        return total

    def gradients(self, theta: Floats, points: Points) -> Floats:
        return np.concatenate([*self._in_blocks("gradient", theta, points)])

    def _in_blocks(self, method: str, theta: Floats, points: Points) -> Iterator[Floats]:
        """What the method gives for each point, for as many at once as fit into little memory."""
        called = getattr(self._implementation(), method)
        width = max(len(theta), points.features.shape[1])
        size = max(1, _MOST_NUMBERS // width)
        for first in range(0, len(points.labels), size):
            labels = points.labels[first : first + size]
            features = dense_rows(points.features, slice(first, first + size))
            yield _doubles(called(np.tile(theta, (len(labels), 1)), features, labels))

    def hessian(self, theta: Floats, points: Points) -> Floats:
        rounding = self.precision(points, len(theta)).gradient
        step = np.cbrt(rounding) * (1 + np.abs(theta).max())
        slopes = np.stack(
            [
                (self.gradient(theta + e, points) - self.gradient(theta - e, points)) / (2 * step)
                for e in step * np.eye(len(theta))
            ]
        )
        return np.asarray((slopes + slopes.T) / 2)

    def product(self, theta: Floats, direction: Floats, points: Points) -> Floats:
        length = float(np.linalg.norm(direction))
        if length == 0:
            return np.zeros_like(direction)
        rounding = self.precision(points, len(theta)).gradient
        step = np.cbrt(rounding) * (1 + np.abs(theta).max())
        e = step / length * direction
        slope = self.gradient(theta + e, points) - self.gradient(theta - e, points)
        return np.asarray(length * slope / (2 * step))

    def largest_curvatures(self, theta: Floats, points: Points, batch: int) -> Floats:
        """By power iterations of all mini-batches at once."""
        features = dense_rows(points.features, slice(None))
        size = batch * max(1, _MOST_NUMBERS // (batch * max(features.shape[1], len(theta))))
        parts = [slice(first, first + size) for first in range(0, len(points.labels), size)]
        found = [self._curvatures(theta, features[k], points.labels[k], batch) for k in parts]
        return np.concatenate(found)

    def _curvatures(self, theta: Floats, features: Floats, labels: Floats, batch: int) -> Floats:
        own, d = self._implementation(), len(theta)
        step = np.cbrt(float(np.finfo(np.float64).eps)) * (1 + np.abs(theta).max())
        along = np.random.default_rng(d).normal(size=(len(labels) // batch, d))
        for _ in range(_POWERS):
            along /= np.maximum(np.linalg.norm(along, axis=1, keepdims=True), _TINY)
            e = step * np.repeat(along, batch, axis=0)
            slopes = [_doubles(own.gradient(at, features, labels)) for at in (theta + e, theta - e)]
            along = (slopes[0] - slopes[1]).reshape(-1, batch, d).mean(axis=1) / (2 * step)
        return np.asarray(np.linalg.norm(along, axis=1))

    def _implementation(self) -> Any:
        return made_once("objective", self.path, _METHODS, self.arguments)

    @property
    def _name(self) -> str:
        return f"objective {self.path}"

    def _says(self, name: str) -> bool:
        """What the class says of itself, or else the default."""
        found = getattr(self._implementation(), name, _SAID[name])
        if not isinstance(found, bool):
            raise ConfigurationError(
                f"{self._name}: expected {name} = True or False, got {shown(found)}"
            )
        return found


def _doubles(values: Any) -> Floats:
    return np.asarray(values, dtype=np.float64)


def _number(values: Any) -> Any:
    """The floating-point type of what a user's method gives."""
    return np.result_type(np.asarray(values).dtype, np.float16)
