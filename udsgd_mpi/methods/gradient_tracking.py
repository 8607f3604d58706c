"""Gradient tracking."""

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.kernels.compiled import Kernel, kernel
from udsgd_mpi.methods.base import MOVE, Memory, State
from udsgd_mpi.methods.corrected import Corrected

Floats = NDArray[np.float64]


class GradientTracking(Corrected, frozen=True, tag="gradient_tracking"):
    """y_n = W_{n−1} y_{n−1} + g_n − g_{n−1}, θ_{n+1} = W_n (θ_n − γ y_n), with y_0 = g_0.

    g_n = w(X_n) ∇F(θ_n, X_n), and one exchange carries both θ and y. As W is doubly stochastic,
    the average of all y^i is that of all g^i: each agent goes along an estimate of the mean
    gradient, and has no bias of its own data where γ is constant. W may change with n, and be I
    between aggregations.

    θ is adapted, then combined; y is combined, then corrected: the semi-ATC form (Alghunaim and
    Yuan, A unified and refined convergence analysis for non-convex decentralized learning, IEEE
    Transactions on Signal Processing, 2022) of DIGing (Nedić, Olshevsky and Shi, SIAM Journal on
    Optimization, 2017) and GNSD (Lu, Zhang, Sun and Hong, DSW 2019), which have
    θ_{n+1} = W_n θ_n − γ y_n.
    """

    @property
    def move(self) -> Kernel[..., None]:
        return _move

    def states(self, d: int) -> tuple[State, ...]:
        return (
            State(
                "tracked",
                "estimates y^i_n of the mean gradient, mixed, of every agent",
                d,
                mixed=True,
            ),
            State("gradient", "gradients g^i_n of every agent at its last step", d),
        )


@kernel(MOVE)
def _move(
    theta: Floats, slopes: Floats, memory: Memory, _parameters: Floats, gamma: float, _n: int
) -> None:
    tracked, before = memory[:2]
    agents, trials, d = theta.shape
    for i in range(agents):
        for t in range(trials):
            for k in range(d):
                g = slopes[i, t, k]
                tracked[i, t, k] += g - before[i, t, k]
                before[i, t, k] = g
                theta[i, t, k] -= gamma * tracked[i, t, k]
