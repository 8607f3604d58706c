"""Second moments of θ_n − θ* at finite n, from the linear recursion of θ and the histories."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.compiled import kernel
from udsgd_mpi.step_size import StepSize

Floats = NDArray[np.float64]

_NODES = 48


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
    def white(cls, h: Floats, step_size: StepSize, steps: NDArray[np.int64]) -> "SecondMoments":
        """Without a history.

        Parameters
        ----------
        h
            Eigenvalues of H, shape (d,).
        steps
            The n of the table, ascending.
        """
        return cls._integrate(np.ones(1), h, step_size, 1.0, steps)

    @classmethod
    def with_history(
        cls, h: Floats, step_size: StepSize, b: float, largest: float, steps: NDArray[np.int64]
    ) -> "SecondMoments":
        """With a history of exponent b, for κ from 1 to ``largest``."""
        return cls._integrate(np.geomspace(1, largest, _NODES), h, step_size, b, steps)

    @classmethod
    def _integrate(
        cls, kappa: Floats, h: Floats, step_size: StepSize, b: float, steps: NDArray[np.int64]
    ) -> "SecondMoments":
        last = int(steps[-1])
        gamma = step_size(1, last)
        beta = np.arange(2, last + 2, dtype=np.float64) ** -b
        theta, average = np.empty((2, len(steps), len(kappa), len(h)))
        _second_moments(kappa, h, gamma, beta, steps, theta, average)
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
    "void(float64[::1], float64[::1], float64[::1], float64[::1], int64[::1],"
    " float64[:, :, ::1], float64[:, :, ::1])"
)
def _second_moments(
    kappa: Floats,
    h: Floats,
    gamma: Floats,
    beta: Floats,
    steps: NDArray[np.int64],
    theta: Floats,
    average: Floats,
) -> None:
    # y the history's share, t = θ, z = Σ θ: moments yy, yt, tt, zy, zt, zz. While β κ > 1 the
    # linear recursion of y overshoots, which a walk's bounded history does not: there β is 1/κ.
    for k in range(len(kappa)):
        push = kappa[k] - 1
        for a in range(len(h)):
            yy = yt = tt = zy = zt = zz = 0.0
            row = 0
            for n in range(steps[-1] + 1):
                if n == steps[row]:
                    theta[row, k, a] = tt
                    average[row, k, a] = zz / max(n, 1) ** 2
                    row += 1
                if row == len(steps):
                    break
                g, c = gamma[n], min(beta[n], 1 / kappa[k])
                keep_t, keep_y = 1 - g * h[a], 1 - c * kappa[k]
                zz += 2 * zt + tt
                zt = keep_t * (zt + tt) + g * push * (zy + yt)
                zy = keep_y * (zy + yt)
                tt = (
                    keep_t * keep_t * tt
                    + 2 * keep_t * g * push * yt
                    + g * g * (push * push * yy + 1)
                )
                yt = keep_t * keep_y * yt + g * push * keep_y * yy - g * c
                yy = keep_y * keep_y * yy + c * c
