"""Exact diffusion."""

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.communication import Schedule
from udsgd_mpi.kernels.compiled import Kernel, kernel
from udsgd_mpi.methods.base import MOVE, Memory, State
from udsgd_mpi.methods.corrected import Corrected
from udsgd_mpi.methods.mixing import check_fixed

Floats = NDArray[np.float64]

_LEAST = -1 / 3  # eigenvalue of W, not reached


class ExactDiffusion(Corrected, frozen=True, tag="exact_diffusion"):
    """ψ_{n+1} = θ_n − γ g_n, φ_{n+1} = ψ_{n+1} + θ_n − ψ_n, θ_{n+1} = W φ_{n+1}, with ψ_0 = θ_0.

    g_n = w(X_n) ∇F(θ_n, X_n). What mixing did to an agent at the step before, θ_n − ψ_n but for
    the correction then, is taken back at this one, so that agents have no bias of their own data
    where γ is constant (Yuan, Ying, Zhao and Sayed, Exact diffusion for distributed optimization
    and learning, part I, IEEE Transactions on Signal Processing, 2019); as
    θ_{n+1} = W (2 θ_n − θ_{n−1} − γ (g_n − g_{n−1})) it is D² (Tang, Lian, Yan, Zhang and Liu,
    ICML 2018).

    W is that of the communication, and the same symmetric one at every step. Its eigenvalues must
    be above −1/3, or disagreement grows (Tang et al.); those of ``weights = "lazy"``,
    the (I + W)/2 of Yuan et al., are not below 0.
    """

    @property
    def move(self) -> Kernel[..., None]:
        return _move

    @property
    def needs_whole_messages(self) -> bool:
        return True

    def states(self, d: int) -> tuple[State, ...]:
        return (State("half_step", "half-steps ψ^i_n of every agent before it was corrected", d),)

    def check_mixing(self, schedule: Schedule, agents: int) -> None:
        check_fixed("exact_diffusion", schedule, agents, _LEAST, "−1/3")


@kernel(MOVE)
def _move(
    theta: Floats, slopes: Floats, memory: Memory, _parameters: Floats, gamma: float, n: int
) -> None:
    half_step = memory[0]
    agents, trials, d = theta.shape
    for i in range(agents):
        for t in range(trials):
            for k in range(d):
                if n == 1:
                    half_step[i, t, k] = theta[i, t, k]
                psi = theta[i, t, k] - gamma * slopes[i, t, k]
                theta[i, t, k] = psi + theta[i, t, k] - half_step[i, t, k]
                half_step[i, t, k] = psi
