"""Second moments of θ_n − θ* at finite n, from the linear recursion of θ and the histories."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.kernels.compiled import kernel
from udsgd_mpi.theory.step_size import StepSize

Floats = NDArray[np.float64]
Pace = Callable[[int, int], Floats]

NODES = 48  # of a table with a history

_PAIRS = 64


@dataclass(frozen=True)
class SecondMoments:
    """Moments of a mode of unit amplitude, by step n, repulsion κ and eigenvalue h of H.

    Attributes
    ----------
    repulsion
        The κ of the table, ascending, shape (nodes,).
    theta
        E of the square of θ_n, shape (steps, nodes, d).
    average
        E of the square of the Polyak–Ruppert average (1/n) Σ_{s<n} θ_s, shape (steps, nodes, d).
    """

    repulsion: Floats
    theta: Floats
    average: Floats

    @classmethod
    def white(
        cls,
        h: Floats,
        step_size: StepSize,
        steps: NDArray[np.int64],
        check_in: Callable[[], None] = lambda: None,
        momentum: float = 0.0,
        pace: Pace | None = None,
    ) -> "SecondMoments":
        """Without a history.

        Parameters
        ----------
        h
            Eigenvalues of H, shape (d,).
        steps
            The n of the table, ascending.
        check_in
            Is called after each of many blocks of steps.
        momentum
            β of the heavy ball.
        pace
            Takes n and m and gives what noise is multiplied by at steps n, …, m: 0 at those that
            the agent does not take, at which its history stands still. By default 1.
        """
        return cls._integrate(np.ones(1), h, step_size, 1.0, steps, check_in, momentum, pace)

    @classmethod
    def with_history(
        cls,
        h: Floats,
        step_size: StepSize,
        b: float,
        largest: float,
        steps: NDArray[np.int64],
        check_in: Callable[[], None] = lambda: None,
        momentum: float = 0.0,
        pace: Pace | None = None,
    ) -> "SecondMoments":
        """With a history of exponent b, for κ from 1 to ``largest``."""
        kappa = np.unique(np.geomspace(1, largest, NODES))  # one, where nothing is repelled
        return cls._integrate(kappa, h, step_size, b, steps, check_in, momentum, pace)

    @classmethod
    def _integrate(
        cls,
        kappa: Floats,
        h: Floats,
        step_size: StepSize,
        b: float,
        steps: NDArray[np.int64],
        check_in: Callable[[], None],
        momentum: float,
        pace: Pace | None,
    ) -> "SecondMoments":
        theta, average = np.empty((2, len(steps), len(kappa), len(h)))
        of_all = np.repeat(kappa, len(h)), np.tile(h, len(kappa))
        # The last four are those of a velocity.
        moments = np.zeros((10 if momentum else 6, len(kappa) * len(h)))
        taken = 0
        for row, (n, m) in enumerate(pairwise([0, *steps.tolist()])):
            for first, gamma in step_size.in_blocks(n + 1, m):
                factors = pace(first, first + len(gamma) - 1) if pace else np.ones(len(gamma))
                steps_taken = taken + np.cumsum(factors > 0)
                beta = np.where(factors > 0, (steps_taken + 1.0) ** -b, 0.0)
                taken = int(steps_taken[-1])
                if momentum:
                    _go_on_with_velocity(*of_all, gamma, factors, beta, momentum, moments)
                else:
                    _go_on(*of_all, gamma, factors, beta, moments)
                check_in()
            theta[row] = moments[2].reshape(theta[row].shape)
            average[row] = moments[5].reshape(theta[row].shape) / max(m, 1) ** 2
        return cls(kappa, theta, average)

    def weights(self, repulsion: Floats) -> Floats:
        """How much each κ of the table counts for other κ, shape (modes, nodes): a spline."""
        if len(self.repulsion) == 1:
            return np.ones((len(repulsion), 1))
        from scipy.interpolate import CubicSpline

        nodes = np.log(self.repulsion)
        cardinal = CubicSpline(nodes, np.eye(len(nodes)))
        return np.asarray(cardinal(np.log(repulsion)))


@kernel(
    "void(float64[::1], float64[::1], float64[::1], float64[::1], float64[::1], float64[:, ::1])"
)
def _go_on(
    kappa: Floats, h: Floats, gamma: Floats, pace: Floats, beta: Floats, moments: Floats
) -> None:
    # y the history's share, t = θ, z = Σ θ: moments yy, yt, tt, zy, zt, zz of each pair of κ and h.
    # While β κ > 1 the linear recursion of y overshoots, which a walk's bounded history does not:
    # there β is 1/κ. A step waits for the one before, but pairs are independent: some at a time go
    # through all steps, in vector registers and the first cache.
    for first in range(0, len(h), _PAIRS):
        pairs = slice(first, first + _PAIRS)
        H, repulsion = h[pairs], kappa[pairs]
        push, most = repulsion - 1, 1 / repulsion
        yy, yt, tt = moments[0, pairs], moments[1, pairs], moments[2, pairs]
        zy, zt, zz = moments[3, pairs], moments[4, pairs], moments[5, pairs]
        for n in range(len(gamma)):
            g = gamma[n] * pace[n]
            for a in range(len(H)):
                c = min(beta[n], most[a])
                keep_t, keep_y = 1 - gamma[n] * H[a], 1 - c * repulsion[a]
                zz[a] += 2 * zt[a] + tt[a]
                zt[a] = keep_t * (zt[a] + tt[a]) + g * push[a] * (zy[a] + yt[a])
                zy[a] = keep_y * (zy[a] + yt[a])
                tt[a] = (
                    keep_t * keep_t * tt[a]
                    + 2 * keep_t * g * push[a] * yt[a]
                    + g * g * (push[a] * push[a] * yy[a] + 1)
                )
                yt[a] = keep_t * keep_y * yt[a] + g * push[a] * keep_y * yy[a] - g * c
                yy[a] = keep_y * keep_y * yy[a] + c * c


@kernel(
    "void(float64[::1], float64[::1], float64[::1], float64[::1], float64[::1], float64,"
    " float64[:, ::1])"
)
def _go_on_with_velocity(
    kappa: Floats,
    h: Floats,
    gamma: Floats,
    pace: Floats,
    beta: Floats,
    momentum: float,
    moments: Floats,
) -> None:
    # The same with a velocity: θ ← θ + g u, where u ← momentum u − h θ + s ((κ − 1) y + ξ) is −v
    # and s the pace. Of its moments with y, θ, z and itself, each line makes those of one more
    # variable new.
    for a in range(len(h)):
        H, repulsion = h[a], kappa[a]
        most = 1 / repulsion
        yy, yt, tt, zy, zt, zz, uy, ut, uz, uu = moments[:, a]
        for n in range(len(gamma)):
            g, c = gamma[n], min(beta[n], most)
            push = pace[n] * (repulsion - 1)
            with_u = momentum * uu - H * ut + push * uy
            uy = momentum * uy - H * yt + push * yy
            ut = momentum * ut - H * tt + push * yt
            uz = momentum * uz - H * zt + push * zy
            uu = momentum * with_u - H * ut + push * uy + pace[n] * pace[n]
            zz += 2 * zt + tt
            zt, zy, uz = zt + tt, zy + yt, uz + ut
            keep = 1 - c * repulsion
            yy = keep * keep * yy + c * c
            yt, zy, uy = keep * yt, keep * zy, keep * uy - pace[n] * c
            tt += 2 * g * ut + g * g * uu
            yt, zt, ut = yt + g * uy, zt + g * uz, ut + g * uu
        moments[:, a] = yy, yt, tt, zy, zt, zz, uy, ut, uz, uu
