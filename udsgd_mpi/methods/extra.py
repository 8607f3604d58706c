"""EXTRA."""

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.communication import Schedule
from udsgd_mpi.kernels.compiled import Kernel, kernel
from udsgd_mpi.methods.base import MOVE, SETTLE, Memory, State
from udsgd_mpi.methods.corrected import Corrected
from udsgd_mpi.methods.mixing import check_fixed

Floats = NDArray[np.float64]

_LEAST = -1.0  # eigenvalue of W, not reached


class Extra(Corrected, frozen=True, tag="extra"):
    """θ_{n+1} = W θ_n − γ g_n + c_n, c_{n+1} = c_n + ½ (W θ_n − θ_n), with c_0 = 0.

    g_n = w(X_n) ∇F(θ_n, X_n). θ is combined, then adapted. c gathers what mixing did to an agent,
    half of it, until it makes up for its gradient at the minimiser of all, so that agents have no
    bias of their own data where γ is constant (Shi, Ling, Wu and Yin, EXTRA, SIAM Journal on
    Optimization, 2015, with W̃ = (I + W)/2 and summed over n).

    W is that of the communication, the same symmetric one at every step, with eigenvalues above −1
    (Assumption 1 there).
    """

    @property
    def move(self) -> Kernel[..., None]:
        return _move

    @property
    def settle(self) -> Kernel[..., None]:
        return _settle

    @property
    def needs_whole_messages(self) -> bool:
        return True

    def states(self, d: int) -> tuple[State, ...]:
        return (State("correction", "corrections c^i_n of every agent", d),)

    def check_mixing(self, schedule: Schedule, agents: int) -> None:
        check_fixed("extra", schedule, agents, _LEAST, "−1")


@kernel(MOVE)
def _move(
    theta: Floats, slopes: Floats, memory: Memory, _parameters: Floats, gamma: float, _n: int
) -> None:
    """Leave θ_n to be mixed, and what is to be added to it then in the slopes."""
    correction = memory[0]
    agents, trials, d = theta.shape
    for i in range(agents):
        for t in range(trials):
            for k in range(d):
                slopes[i, t, k] = correction[i, t, k] - gamma * slopes[i, t, k]
                correction[i, t, k] -= theta[i, t, k] / 2


@kernel(SETTLE)
def _settle(theta: Floats, slopes: Floats, memory: Memory, _parameters: Floats) -> None:
    correction = memory[0]
    agents, trials, d = theta.shape
    for i in range(agents):
        for t in range(trials):
            for k in range(d):
                correction[i, t, k] += theta[i, t, k] / 2
                theta[i, t, k] += slopes[i, t, k]
