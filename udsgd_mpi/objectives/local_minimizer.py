"""The neighbourhood of a local minimum, from where Newton's method finds it."""

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.objectives.minimizer import MinimizerError, check_derivatives

Floats = NDArray[np.float64]

_MOST_EVALUATIONS = 4000
_PAIRS = 20  # of the last steps and gradients
_FLAT = 1e-8  # of the gradient, relative to that at the start


class Smooth(Protocol):
    """A function of θ with a gradient."""

    def value_and_gradient(self, theta: Floats) -> tuple[float, Floats]:
        """f(θ), and ∇f(θ), shape (d,)."""


def descended(f: Smooth, start: Floats) -> Floats:
    """Where L-BFGS goes from ``start``: hardly ever to a saddle point, as Newton's method would.

    Returns
    -------
    θ near a local minimum, shape (d,). Whether it is one is left to the method that ends there.

    Raises
    ------
    MinimizerError
        If a derivative on the way is not finite, or the gradient does not become small.
    """
    from scipy.optimize import minimize

    def checked(theta: Floats) -> tuple[float, Floats]:
        value, gradient = f.value_and_gradient(theta)
        check_derivatives(theta, gradient, np.array(value))
        return value, gradient

    options = {
        "maxiter": _MOST_EVALUATIONS,
        "maxfun": _MOST_EVALUATIONS,
        "maxcor": _PAIRS,
        "ftol": 0.0,
        "gtol": _FLAT * float(abs(checked(start)[1]).max()),
    }
    found = minimize(checked, start, jac=True, method="L-BFGS-B", options=options)
    if found.nfev >= _MOST_EVALUATIONS:
        raise MinimizerError(
            f"the gradient does not become small: |∇f| = {abs(found.jac).max():.2g} in a component"
            f" after {found.nfev:,} evaluations, so f is nearly flat, or has kinks as with"
            " rectifiers",
            convex=False,
        )
    return np.asarray(found.x)
