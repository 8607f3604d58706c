"""What an objective is: a sum over points that agents can descend and Newton can minimise."""

from dataclasses import dataclass

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Points:
    """Data points with the weight that each one's gradient gets.

    Attributes
    ----------
    features
        Shape (points, d).
    labels
        Shape (points,), as the objective's ``encode`` gives them.
    weights
        Importance weights, shape (points,); mean 1 under the sampler's stationary law.
    """

    features: Floats
    labels: Floats
    weights: Floats


class Objective(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind"):
    """F(θ, x) and its parameters; subclasses are listed in the registry."""

    def encode(self, labels: Floats) -> Floats:
        """Labels as the formulas use them.

        Raises
        ------
        ConfigurationError
            If the labels do not fit the objective.
        """
        raise NotImplementedError

    def dimension(self, features: int, labels: Floats) -> int:
        """Number of parameters d for points with so many features and such encoded labels."""
        raise NotImplementedError

    def descend(self, theta: Floats, X: NDArray[np.int32], gamma: Floats, points: Points) -> None:
        """Take the local steps θ ← θ − γ_n w(X_n) ∇F(θ, X_n), in place.

        Parameters
        ----------
        theta
            Iterates, shape (agents, trials, d).
        X
            Rows of ``points`` to use, shape (steps, agents, trials).
        gamma
            Step sizes, shape (steps,).
        """
        raise NotImplementedError

    def value(self, theta: Floats, points: Points) -> float:
        """Weighted sum of F(θ, x) over the points."""
        raise NotImplementedError

    def gradient(self, theta: Floats, points: Points) -> Floats:
        """Weighted sum of ∇F(θ, x), shape (d,)."""
        raise NotImplementedError

    def hessian(self, theta: Floats, points: Points) -> Floats:
        """Weighted sum of ∇²F(θ, x), shape (d, d)."""
        raise NotImplementedError
