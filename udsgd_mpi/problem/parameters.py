"""What the components of θ are called, and what they are on the scale of the data as read."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.objectives import Softmax
from udsgd_mpi.objectives.linear_model import LinearModel
from udsgd_mpi.problem.problem import Problem
from udsgd_mpi.problem.reading import INTERCEPT
from udsgd_mpi.support.errors import ConfigurationError

Floats = NDArray[np.float64]


class Coordinates(NamedTuple):
    """Linear functions A θ, each with a name.

    Attributes
    ----------
    A
        Shape (names, d); None for θ itself.
    """

    names: list[str]
    A: Floats | None = None


def parameters(problem: Problem) -> Coordinates:
    """θ: components are called as their features, or θ[k] where these have no names."""
    names = problem.reading.features
    if names is None or problem.d % len(names):
        return Coordinates([f"θ[{k}]" for k in range(problem.d)])
    return Coordinates(_of_all_scores(problem, list(names)))


def on_scale_of_data(problem: Problem) -> Coordinates:
    """Coefficients of features that were not standardised, whose scores θᵀx are the same.

    With (x − m) / s as features they are θ / s, and the intercept is less by Σ θ m / s; one is
    added where the features have none.

    Raises
    ------
    ConfigurationError
        If the package has not standardised features, or scores are no sums over them.
    """
    scaling, objective = problem.reading.scaling, problem.objective
    if scaling is None or not isinstance(objective, LinearModel | Softmax):
        got = "features as read" if scaling is None else objective.__struct_config__.tag
        raise ConfigurationError(
            "--original: expected a logistic, ridge or softmax regression on features that the"
            f" package standardised, got {got}; leave it out"
        )
    features = len(scaling.mean)
    names = list(problem.reading.features or (f"θ[{k}]" for k in range(features)))
    A = np.diag(1 / scaling.scale)
    if INTERCEPT in names:
        own = names.index(INTERCEPT)
    else:
        own = features
        names.append(INTERCEPT)
        A = np.vstack([A, np.zeros(features)])
    A[own] -= scaling.mean / scaling.scale
    return Coordinates(
        _of_all_scores(problem, names),
        np.asarray(np.kron(np.eye(problem.d // features), A), np.float64),
    )


def _of_all_scores(problem: Problem, names: list[str]) -> list[str]:
    """Names of features, once for each score θ_cᵀx that the objective has."""
    classes = problem.reading.classes
    if not isinstance(problem.objective, Softmax):
        return names
    return [f"{label:g}: {name}" for label in classes.tolist() for name in names]
