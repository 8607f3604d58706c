"""An objective of the user's own."""

import sys
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import Any

import numpy as np
from msgspec import field
from numpy.typing import NDArray

from udsgd_mpi.errors import ConfigurationError
from udsgd_mpi.objectives.base import Floats, Objective, Points
from udsgd_mpi.users_code import UsersObject, users


class Custom(Objective, frozen=True, tag="custom"):
    """A class with ``value`` and ``gradient`` over NumPy arrays, trials leading.

    ``value(theta, features, labels)`` takes θ (trials, d), features (trials, features) and labels
    (trials,) and gives F of each trial, shape (trials,); ``gradient`` takes the same and gives
    ∇F, shape (trials, d). ``dimension(features)`` gives d; without it d = features. The Hessian
    at θ* is taken by central differences of the gradient.

    Parameters
    ----------
    path
        Where the class can be imported from, ``"module:Class"``.
    arguments
        Keyword arguments of the class.
    """

    path: str
    arguments: dict[str, Any] = field(default_factory=dict)

    def encode(self, labels: Floats, classes: Floats) -> Floats:
        self._implementation()
        return labels

    def dimension(self, features: int, classes: int) -> int:
        own = getattr(self._implementation(), "dimension", None)
        return features if own is None else int(own(features))

    def descend(
        self,
        theta: Floats,
        X: NDArray[np.int32],
        gamma: Floats,
        points: Points,
        batch: NDArray[np.int64],
    ) -> None:
        own = self._implementation()
        for n, step in enumerate(gamma):
            for i, rows in enumerate(X[n]):
                slopes = sum(
                    own.gradient(theta[i], points.features[rows + r], points.labels[rows + r])
                    for r in range(batch[i])
                )
                theta[i] -= step / batch[i] * points.weights[rows, None] * slopes

    def value(self, theta: Floats, points: Points) -> float:
        values = self._implementation().value(
            np.tile(theta, (len(points.labels), 1)), points.features, points.labels
        )
        return float(points.weights @ values)

    def gradient(self, theta: Floats, points: Points) -> Floats:
        slopes = self._implementation().gradient(
            np.tile(theta, (len(points.labels), 1)), points.features, points.labels
        )
        return np.asarray(points.weights @ slopes)

    def gradients(self, theta: Floats, points: Points) -> Floats:
        return np.asarray(
            self._implementation().gradient(
                np.tile(theta, (len(points.labels), 1)), points.features, points.labels
            )
        )

    def hessian(self, theta: Floats, points: Points) -> Floats:
        step = np.cbrt(np.finfo(np.float64).eps) * (1 + np.abs(theta).max())
        slopes = np.stack(
            [
                (self.gradient(theta + e, points) - self.gradient(theta - e, points)) / (2 * step)
                for e in step * np.eye(len(theta))
            ]
        )
        return np.asarray((slopes + slopes.T) / 2)

    def _implementation(self) -> Any:
        return _load(self.path, tuple(sorted(self.arguments.items())))


@cache
def _load(path: str, arguments: tuple[tuple[str, Any], ...]) -> Any:
    module, _, name = path.partition(":")
    if "" not in sys.path:  # the console script does not look into the working folder
        sys.path.insert(0, "")
    own = f"objective {path}"
    found = users(own, find_spec, module) if module and name else None
    made = getattr(users(own, import_module, module), name, None) if found else None
    if made is None:
        missing = f"no {name!r} in {found.origin}" if found else f"no module {module!r}"
        raise ConfigurationError(
            f'objective.path: expected "module:Class" that Python can import from here, got'
            f" {path!r} ({missing})"
        )
    return UsersObject(own, users(own, made, **dict(arguments)))
