"""The minimiser θ* of the objective that the agents share."""

import numpy as np

from udsgd_mpi.objectives import Objective, Points
from udsgd_mpi.objectives.base import Floats

_ROUNDING = 4 * np.finfo(np.float64).eps


def minimizer(objective: Objective, points: Points, *, max_iterations: int = 100) -> Floats:
    """θ* = argmin Σ_x weights(x) F(θ, x), by Newton's method with backtracking.

    Parameters
    ----------
    points
        The points of all agents; their weights carry 1/N, the stationary laws and the
        importance weights.

    Returns
    -------
    θ*, shape (d,), to machine precision: the iteration ends when a Newton step is lost in
    rounding.

    Raises
    ------
    ArithmeticError
        If it has not ended after ``max_iterations``: the objective has no finite minimiser.
    """
    theta = np.zeros(objective.dimension(points.features.shape[1], points.labels))
    for _ in range(max_iterations):
        gradient = objective.gradient(theta, points)
        step = np.asarray(np.linalg.solve(objective.hessian(theta, points), gradient))
        if np.linalg.norm(step) <= _ROUNDING * (1 + np.linalg.norm(theta)):
            return np.asarray(theta - step)
        theta = _backtrack(objective, points, theta, step, float(gradient @ step))
    raise ArithmeticError(
        f"Newton's method has not found the minimiser in {max_iterations} iterations"
    )


def _backtrack(
    objective: Objective, points: Points, theta: Floats, step: Floats, decrease: float
) -> Floats:
    before = objective.value(theta, points)
    length = 1.0
    # Near the minimiser rounding hides the decrease, and the full step is right.
    while (
        decrease > 1e-10 * max(1.0, abs(before))
        and objective.value(theta - length * step, points) > before - 1e-4 * length * decrease
    ):
        length /= 2
    return np.asarray(theta - length * step)
