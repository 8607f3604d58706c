"""The minimiser θ* of the objective that the agents share."""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_SETTLED = 30


class Precision(NamedTuple):
    """Relative errors of an objective's gradients and Hessians by rounding."""

    gradient: float
    hessian: float


class Valued(Protocol):
    """A function of θ.

    Attributes
    ----------
    d
        Number of parameters.
    precision
        Of its derivatives.
    """

    d: int
    precision: Precision

    def value(self, theta: Floats) -> float:
        """f(θ)."""


class Function(Valued, Protocol):
    """A function of θ that Newton's method can minimise."""

    def derivatives(self, theta: Floats) -> tuple[Floats, Floats]:
        """∇f(θ), shape (d,), and ∇²f(θ), shape (d, d)."""


class MinimizerError(ArithmeticError):
    """Newton's method has found no point that is the minimiser; the message says what it found.

    Attributes
    ----------
    convex
        Whether nothing speaks against a convex f.
    """

    def __init__(self, message: str, *, convex: bool = True) -> None:
        super().__init__(message)
        self.convex = convex


class Minimum(NamedTuple):
    """θ* and what is known of the curvature of f.

    Attributes
    ----------
    theta
        θ*, shape (d,).
    hessian
        H = ∇²f(θ*), shape (d, d); None where it is too large.
    smallest_curvature
        μ, the smallest eigenvalue of H; NaN where it could not be determined.
    largest_curvature
        The largest eigenvalue of ∇²f where Newton's method began; NaN where it could not be
        determined.
    gradient_norm
        ‖∇f‖ at θ*, or at the last θ before it, which is as good.
    """

    theta: Floats
    hessian: Floats | None
    smallest_curvature: float
    largest_curvature: float
    gradient_norm: float


class _Step(NamedTuple):
    step: Floats
    decrease: float


def _here(action: Callable[[], Any]) -> Any:
    return action()


def minimum(
    f: Function,
    start: Floats | None = None,
    *,
    once: Callable[[Callable[[], Any]], Any] = _here,
    settled: int = _SETTLED,
    max_iterations: int = 100,
) -> Minimum:
    """θ* = argmin f by Newton's method with backtracking.

    Parameters
    ----------
    start
        Where it begins, shape (d,); by default at 0.
    once
        Where several processes share f: takes an action in one of them and tells all the
        result, since linear algebra on different processors may end in different bits.
    settled
        Iterations after which a step that does not shrink any more is rounding.

    Returns
    -------
    θ* to machine precision: the iteration ends when a Newton step is lost in rounding.

    Raises
    ------
    MinimizerError
        If it has not ended after ``max_iterations``, a derivative is not finite, or the Hessian
        at its end is not positive definite.
    """
    ending = Ending(f.precision)
    theta = np.zeros(f.d) if start is None else start
    largest_curvature = np.nan
    for iteration in range(max_iterations):
        gradient, hessian = f.derivatives(theta)
        check_derivatives(theta, gradient, hessian)
        if iteration == 0:
            largest_curvature = float(np.linalg.eigvalsh(hessian)[-1])
        newton = once(lambda: _newton(gradient, hessian))  # noqa: B023 - called at once
        if not np.isfinite(newton.step).all():
            raise MinimizerError("the Hessian is singular, so f is flat in some direction")
        if ending.reached(theta, newton.step, iteration >= settled):
            spectrum = once(lambda: np.linalg.eigvalsh(hessian))  # noqa: B023 - called at once
            smallest, largest = float(spectrum[0]), float(spectrum[-1])
            check_curvature(theta, smallest, largest, f.d * f.precision.hessian)
            found, norm = np.asarray(theta - newton.step), float(np.linalg.norm(gradient))
            return Minimum(found, hessian, smallest, largest_curvature, norm)
        theta = backtrack(f, theta, newton.step, newton.decrease)
    raise unfinished(max_iterations, theta, newton.step, gradient)


def unfinished(iterations: int, theta: Floats, step: Floats, gradient: Floats) -> MinimizerError:
    """What to say where steps do not become short."""
    return MinimizerError(
        f"Newton's method has not ended in {iterations} iterations: the last step was"
        f" {np.linalg.norm(step):.2g} long at ‖θ‖ = {np.linalg.norm(theta):.2g}, where"
        f" ‖∇f‖ = {np.linalg.norm(gradient):.2g}, so θ* is at infinity, or f is not smooth"
    )


class Ending:
    """Decides when Newton's method has converged: its steps are lost in rounding.

    Parameters
    ----------
    precision
        Of the derivatives.
    """

    def __init__(self, precision: Precision) -> None:
        self._rounding = precision.gradient
        self._before = np.inf

    def reached(self, theta: Floats, step: Floats, settled: bool) -> bool:
        """Whether θ − step is as good as any.

        Parameters
        ----------
        settled
            Whether a short step that has not shrunk since the last one ends it too. Rounding in
            ∇f, times H⁻¹, may be all that such steps are.
        """
        length, size = float(np.linalg.norm(step)), 1 + float(np.linalg.norm(theta))
        stays = length > self._before / 2 and length <= np.sqrt(self._rounding) * size
        self._before = length
        return length <= 4 * self._rounding * size or (settled and stays)


def check_derivatives(theta: Floats, *derivatives: Floats) -> None:
    """Refuse derivatives that are not finite.

    Raises
    ------
    MinimizerError
        With the length of θ.
    """
    if not all(np.isfinite(derivative).all() for derivative in derivatives):
        raise MinimizerError(
            f"a derivative of f is not finite at ‖θ‖ = {np.linalg.norm(theta):.2g}, which Newton's"
            " method reached"
        )


def check_curvature(theta: Floats, smallest: float, largest: float, error: float) -> None:
    """Refuse a stationary point that is not a strict minimum.

    Parameters
    ----------
    smallest, largest
        Eigenvalues of the Hessian at θ.
    error
        Of the smallest, relative to the largest.

    Raises
    ------
    MinimizerError
        If the smallest is not positive, up to rounding.
    """
    hidden = error * max(abs(smallest), abs(largest))
    where = f"where ∇f = 0, at ‖θ‖ = {np.linalg.norm(theta):.3g}"
    if smallest < -hidden:
        what = "a maximum" if largest < 0 else "a saddle point"
        raise MinimizerError(
            f"f has {what} {where}: the curvature there goes down to μ = {smallest:.3g}",
            convex=False,
        )
    if smallest <= hidden:
        raise MinimizerError(
            f"f is flat in some direction {where}: the smallest curvature, μ = {smallest:.2g},"
            f" cannot be told from 0 by rounding beside the largest, {largest:.2g}"
        )


def _newton(gradient: Floats, hessian: Floats) -> _Step:
    try:
        step = np.asarray(np.linalg.solve(hessian, gradient))
    except np.linalg.LinAlgError:
        step = np.full_like(gradient, np.nan)
    return _Step(step, float(gradient @ step))


def backtrack(f: Valued, theta: Floats, step: Floats, decrease: float) -> Floats:
    """θ − t · step, t = 1, ½, ¼, … the first that lowers f as far as its slope promises.

    Parameters
    ----------
    decrease
        ∇f(θ)ᵀ step.
    """
    before = f.value(theta)
    length = 1.0
    # Near the minimiser rounding hides the decrease, and the full step is right.
    while (
        decrease > 1e-10 * max(1.0, abs(before))
        and f.value(theta - length * step) > before - 1e-4 * length * decrease
    ):
        length /= 2
    return np.asarray(theta - length * step)
