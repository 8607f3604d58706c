"""θ* where the Hessian is too large to be held: Newton's method by products with it alone."""

from collections.abc import Callable
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.objectives.minimizer import (
    Ending,
    MinimizerError,
    Minimum,
    Precision,
    Valued,
    backtrack,
    check_curvature,
    check_derivatives,
    unfinished,
)

Floats = NDArray[np.float64]
Product = Callable[[Floats], Floats]

_LOOSEST, _TIGHTEST = 0.1, 1e-8  # relative residuals of Newton's equation
_MOST_PRODUCTS = 2000  # for a Newton step; one that is not exact descends as well
_SEED = 1909
_FEWEST_VECTORS, _MOST_VECTORS = 8, 32  # of Lanczos' method
_NUMBERS = 2**25  # in all of them together, where that leaves enough
_ROUGHLY, _RESIDUAL = 1e-6, 1e-10  # of an eigenvector, relative to the largest eigenvalue
_HIDDEN = 1e-8  # what the smallest eigenvalue may be off, relative to the largest


class WideFunction(Valued, Protocol):
    """A function of θ with as many parameters as it likes."""

    def gradient(self, theta: Floats) -> Floats:
        """∇f(θ), shape (d,)."""

    def product(self, theta: Floats, direction: Floats) -> Floats:
        """∇²f(θ) times a direction, shape (d,)."""


def wide_minimum(
    f: WideFunction, start: Floats | None = None, max_iterations: int = 100
) -> Minimum:
    """θ* = argmin f by Newton's method with conjugate gradients and backtracking.

    Newton's equation is solved more exactly the smaller the gradient is (Nocedal and Wright,
    Numerical Optimization, §7.1).

    Parameters
    ----------
    start
        Where it begins, shape (d,); by default at 0.

    Returns
    -------
    θ* to machine precision, as ``minimum`` finds it, but without H; the curvatures are by Lanczos'
    method.

    Raises
    ------
    MinimizerError
        As ``minimum``.
    """
    from scipy.sparse.linalg import LinearOperator, cg

    ending, shape = Ending(f.precision), (f.d, f.d)
    start = np.zeros(f.d) if start is None else start
    theta, gradient = start, f.gradient(start)
    check_derivatives(theta, gradient)
    first = max(float(np.linalg.norm(gradient)), np.finfo(np.float64).tiny)
    for _ in range(max_iterations):
        H = LinearOperator(shape, lambda v: f.product(theta, v), dtype=np.float64)  # noqa: B023
        residual = np.sqrt(np.linalg.norm(gradient) / first)
        rtol = float(np.clip(residual, _TIGHTEST, _LOOSEST))
        step, _ = cg(H, gradient, rtol=rtol, maxiter=_MOST_PRODUCTS)
        decrease = float(gradient @ step)
        check_derivatives(theta, step)
        if decrease < 0:
            raise MinimizerError(
                f"f curves downwards at ‖θ‖ = {np.linalg.norm(theta):.3g}, which Newton's method"
                " reached",
                convex=False,
            )
        ended = ending.reached(theta, step, settled=True)
        theta = np.asarray(theta - step) if ended else backtrack(f, theta, step, decrease)
        gradient = f.gradient(theta)
        check_derivatives(theta, gradient)
        if ended:
            return _minimum(f, start, theta, gradient)
    raise unfinished(max_iterations, theta, step, gradient)


def _minimum(f: WideFunction, start: Floats, theta: Floats, gradient: Floats) -> Minimum:
    def at(place: Floats) -> Product:
        return lambda direction: f.product(place, direction)

    largest = largest_curvature(at(theta), f.d, f.precision)
    smallest = smallest_curvature(at(theta), f.d, largest, f.precision)
    check_curvature(theta, smallest, largest, max(_HIDDEN, f.precision.hessian))
    at_start = largest_curvature(at(start), f.d, f.precision)
    return Minimum(theta, None, smallest, at_start, float(np.linalg.norm(gradient)))


def largest_curvature(
    product: Product, d: int, precision: Precision, residual: float = _ROUGHLY
) -> float:
    """Largest eigenvalue of a symmetric matrix by its products; NaN where none was found."""
    from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh

    start = np.random.default_rng(_SEED).normal(size=d)
    try:
        (found,) = eigsh(
            LinearOperator((d, d), product, dtype=np.float64),
            k=1,
            which="LA",
            v0=start,
            ncv=min(d, max(_FEWEST_VECTORS, min(_MOST_VECTORS, _NUMBERS // d))),
            tol=max(residual, precision.hessian),
            return_eigenvectors=False,
        )
    except ArpackNoConvergence:
        return np.nan
    return float(found)


def smallest_curvature(product: Product, d: int, largest: float, precision: Precision) -> float:
    """Smallest eigenvalue μ of a symmetric matrix; NaN where none was found.

    As the largest of a matrix that is turned around, as Lanczos' method finds that even where μ is
    tiny, or 0.

    Parameters
    ----------
    largest
        Its largest eigenvalue, by absolute value too.
    """
    above = 2 * abs(largest)
    turned = largest_curvature(lambda v: above * v - product(v), d, precision, _RESIDUAL)
    return above - turned
