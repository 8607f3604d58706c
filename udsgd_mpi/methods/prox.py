"""FedProx."""

from typing import Annotated

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from udsgd_mpi.kernels.compiled import Kernel, kernel
from udsgd_mpi.methods.base import MOVE, SETTLE, Memory, State
from udsgd_mpi.methods.corrected import Corrected

Floats = NDArray[np.float64]


class Prox(Corrected, frozen=True, tag="prox"):
    """θ ← θ − γ (g + μ (θ − z)), where z is the θ that the last aggregation has left.

    g = w(X) ∇F(θ, X): local steps on F(θ) + (μ/2) ‖θ − z‖² (Li, Sahu, Zaheer, Sanjabi, Talwalkar
    and Smith, Federated optimization in heterogeneous networks, MLSys 2020). z is the average where
    W is, and θ_0 at first. With an aggregation after every step it is sgd.

    In a round θ comes no further from z than some γ, so that the average over agents moves as that
    of sgd but for terms of second order.

    Parameters
    ----------
    mu
        μ ≥ 0.
    """

    mu: Annotated[float, Meta(ge=0, le=1e9)] = 0.1

    @property
    def move(self) -> Kernel[..., None]:
        return _move

    @property
    def settle(self) -> Kernel[..., None]:
        return _settle

    @property
    def parameters(self) -> Floats:
        return np.array([self.mu])

    def states(self, d: int) -> tuple[State, ...]:
        return (State("anchor", "θ^i after the last aggregation, of every agent", d),)


@kernel(MOVE)
def _move(
    theta: Floats, slopes: Floats, memory: Memory, parameters: Floats, gamma: float, n: int
) -> None:
    mu, anchor = parameters[0], memory[0]
    agents, trials, d = theta.shape
    for i in range(agents):
        for t in range(trials):
            for k in range(d):
                if n == 1:
                    anchor[i, t, k] = theta[i, t, k]
                pull = mu * (theta[i, t, k] - anchor[i, t, k])
                theta[i, t, k] -= gamma * (slopes[i, t, k] + pull)


@kernel(SETTLE)
def _settle(theta: Floats, _slopes: Floats, memory: Memory, _parameters: Floats) -> None:
    anchor = memory[0]
    agents, trials, d = theta.shape
    for i in range(agents):
        for t in range(trials):
            for k in range(d):
                anchor[i, t, k] = theta[i, t, k]
