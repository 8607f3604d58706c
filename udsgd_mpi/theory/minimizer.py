"""The minimiser θ* of the objective that the agents share."""

from collections.abc import Callable
from typing import NamedTuple, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
T = TypeVar("T")

_ROUNDING = 4 * np.finfo(np.float64).eps


class Function(Protocol):
    """A function of θ that Newton's method can minimise."""

    def value(self, theta: Floats) -> float:
        """f(θ)."""

    def derivatives(self, theta: Floats) -> tuple[Floats, Floats]:
        """∇f(θ), shape (d,), and ∇²f(θ), shape (d, d)."""


class Minimum(NamedTuple):
    """θ*, shape (d,), H = ∇²f(θ*), shape (d, d), and the largest eigenvalue of ∇²f(0)."""

    theta: Floats
    hessian: Floats
    largest_curvature: float


class _Step(NamedTuple):
    step: Floats
    decrease: float
    lost_in_rounding: bool


def _here(action: Callable[[], T]) -> T:
    return action()


def minimum(
    f: Function,
    d: int,
    *,
    once: Callable[[Callable[[], _Step]], _Step] = _here,
    max_iterations: int = 100,
) -> Minimum:
    """θ* = argmin f by Newton's method with backtracking, from 0.

    Parameters
    ----------
    once
        Where several processes share f: takes an action in one of them and tells all the
        result, since linear algebra on different processors may end in different bits.

    Returns
    -------
    θ* to machine precision: the iteration ends when a Newton step is lost in rounding.

    Raises
    ------
    ArithmeticError
        If it has not ended after ``max_iterations``, or the Hessian is singular: there is no
        unique finite minimiser.
    """
    theta = np.zeros(d)
    largest_curvature = np.nan
    for iteration in range(max_iterations):
        gradient, hessian = f.derivatives(theta)
        if iteration == 0:
            largest_curvature = float(np.linalg.eigvalsh(hessian)[-1])
        newton = once(lambda: _newton(theta, gradient, hessian))  # noqa: B023 - called at once
        if not np.isfinite(newton.step).all():
            raise ArithmeticError("the Hessian is singular")
        if newton.lost_in_rounding:
            return Minimum(np.asarray(theta - newton.step), hessian, largest_curvature)
        theta = _backtrack(f, theta, newton)
    raise ArithmeticError(
        f"Newton's method has not found the minimiser in {max_iterations} iterations"
    )


def _newton(theta: Floats, gradient: Floats, hessian: Floats) -> _Step:
    try:
        step = np.asarray(np.linalg.solve(hessian, gradient))
    except np.linalg.LinAlgError:
        step = np.full_like(theta, np.nan)
    short = np.linalg.norm(step) <= _ROUNDING * (1 + np.linalg.norm(theta))
    return _Step(step, float(gradient @ step), bool(short))


def _backtrack(f: Function, theta: Floats, newton: _Step) -> Floats:
    before = f.value(theta)
    length = 1.0
    # Near the minimiser rounding hides the decrease, and the full step is right.
    while (
        newton.decrease > 1e-10 * max(1.0, abs(before))
        and f.value(theta - length * newton.step) > before - 1e-4 * length * newton.decrease
    ):
        length /= 2
    return np.asarray(theta - length * newton.step)
