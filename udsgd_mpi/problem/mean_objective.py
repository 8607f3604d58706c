"""The objective that the agents share."""

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.objectives import Objective, Points
from udsgd_mpi.problem.everyone import Everyone
from udsgd_mpi.theory.minimizer import Precision

Floats = NDArray[np.float64]


class MeanObjective:
    """f(θ) = (1/N) Σ_i f_i(θ), summed in agent order wherever the agents are hosted.

    Only numbers of the size of θ and its Hessian leave an agent.

    Parameters
    ----------
    parts
        For each hosted agent the points over which the weighted sum of F is f_i.

    Attributes
    ----------
    d
        Number of parameters.
    precision
        Relative errors of derivatives by rounding.
    """

    def __init__(
        self, objective: Objective, parts: list[Points], everyone: Everyone, d: int
    ) -> None:
        self.d = d
        self._objective = objective
        self._parts = parts
        self._everyone = everyone
        of_parts = everyone.all([objective.precision(part, d) for part in parts])
        self.precision = Precision(*map(max, zip(*of_parts, strict=True)))

    def value(self, theta: Floats) -> float:
        """f(θ)."""
        values = [[self._objective.value(theta, part)] for part in self._parts]
        return float(self._everyone.mean(np.array(values))[0])

    def derivatives(self, theta: Floats) -> tuple[Floats, Floats]:
        """∇f(θ), shape (d,), and ∇²f(θ), shape (d, d)."""
        d = len(theta)
        rows = np.empty((len(self._parts), d + d * d))
        for row, part in zip(rows, self._parts, strict=True):
            row[:d] = self._objective.gradient(theta, part)
            row[d:] = self._objective.hessian(theta, part).ravel()
        mean = self._everyone.mean(rows)
        return mean[:d], mean[d:].reshape(d, d)
