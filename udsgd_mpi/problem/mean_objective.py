"""The objective that the agents share."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.objectives import Objective, Points
from udsgd_mpi.objectives.minimizer import Precision
from udsgd_mpi.problem.team import Team

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

    def __init__(self, objective: Objective, parts: list[Points], team: Team, d: int) -> None:
        self.d = d
        self._objective = objective
        self._parts = parts
        self._team = team
        of_parts = team.allgather([objective.precision(part, d) for part in parts])
        self.precision = Precision(*map(max, zip(*of_parts, strict=True)))

    def value(self, theta: Floats) -> float:
        """f(θ)."""
        values = [[self._objective.value(theta, part)] for part in self._parts]
        return float(self._team.mean(np.array(values))[0])

    def gradient(self, theta: Floats) -> Floats:
        """∇f(θ), shape (d,)."""
        return self._mean([self._objective.gradient(theta, part) for part in self._parts])

    def value_and_gradient(self, theta: Floats) -> tuple[float, Floats]:
        """Both of them, for less than each alone."""
        pairs = [self._objective.value_and_gradient(theta, part) for part in self._parts]
        mean = self._mean([np.append(gradient, value) for value, gradient in pairs])
        return float(mean[-1]), mean[:-1]

    def product(self, theta: Floats, direction: Floats) -> Floats:
        """∇²f(θ) times a direction, shape (d,)."""
        products = [self._objective.product(theta, direction, part) for part in self._parts]
        return self._mean(products)

    def _mean(self, rows: list[Floats]) -> Floats:
        return self._team.mean(np.stack(rows))

    def derivatives(self, theta: Floats) -> tuple[Floats, Floats]:
        """∇f(θ), shape (d,), and ∇²f(θ), shape (d, d)."""
        d = len(theta)
        rows = np.empty((len(self._parts), d + d * d))
        for row, part in zip(rows, self._parts, strict=True):
            row[:d] = self._objective.gradient(theta, part)
            row[d:] = self._objective.hessian(theta, part).ravel()
        mean = self._team.mean(rows)
        return mean[:d], mean[d:].reshape(d, d)


class DrivenObjective:
    """The same function on the process that asks all of them for its values.

    Parameters
    ----------
    ask
        Takes the name of a method of ``f`` and its arguments, and has all processes call it.
    """

    def __init__(self, ask: Callable[..., Any], f: MeanObjective) -> None:
        self.d = f.d
        self.precision = f.precision
        self._ask = ask

    def value(self, theta: Floats) -> float:
        """f(θ)."""
        return float(self._ask("value", theta))

    def gradient(self, theta: Floats) -> Floats:
        """∇f(θ), shape (d,)."""
        return np.asarray(self._ask("gradient", theta))

    def value_and_gradient(self, theta: Floats) -> tuple[float, Floats]:
        """Both of them."""
        found: tuple[float, Floats] = self._ask("value_and_gradient", theta)
        return found

    def product(self, theta: Floats, direction: Floats) -> Floats:
        """∇²f(θ) times a direction, shape (d,)."""
        return np.asarray(self._ask("product", theta, direction))
