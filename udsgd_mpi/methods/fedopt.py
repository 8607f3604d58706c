"""FedOpt: a server that makes steps of its own."""

from math import sqrt
from typing import Annotated

import numpy as np
from msgspec import Meta, Struct
from numpy.typing import NDArray

from udsgd_mpi.communication import Schedule
from udsgd_mpi.kernels.compiled import Kernel, kernel
from udsgd_mpi.methods.base import MOVE, SETTLE, Memory, Method, State
from udsgd_mpi.methods.mixing import check_averages

Floats = NDArray[np.float64]

Rate = Annotated[float, Meta(gt=0, le=1e9)]
Fraction = Annotated[float, Meta(ge=0, lt=1)]


class ServerMomentum(
    Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="momentum"
):
    """v ← β v + Δ, x ← x + η v (FedAvgM: Hsu, Qi and Brown, arXiv:1909.06335, 2019).

    Parameters
    ----------
    rate, beta
        η > 0, and β in [0, 1).
    """

    rate: Rate = 1.0
    beta: Fraction = 0.9

    @property
    def settle(self) -> Kernel[..., None]:
        """What the server does with the average."""
        return _heavy_ball

    @property
    def parameters(self) -> Floats:
        """What that needs to know."""
        return np.array([self.rate, self.beta])

    def states(self, d: int) -> tuple[State, ...]:
        """What the server remembers."""
        return (State("velocity", "velocity v of the server, at every agent", d),)


class ServerAdam(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="adam"):
    """m ← β₁ m + (1 − β₁) Δ, v ← β₂ v + (1 − β₂) Δ², x ← x + η m / (√v + τ): FedAdam.

    Parameters
    ----------
    rate, beta1, beta2
        η > 0, and β₁ and β₂ in [0, 1).
    epsilon
        τ > 0.
    """

    rate: Rate = 0.01
    beta1: Fraction = 0.9
    beta2: Fraction = 0.99
    epsilon: Rate = 1e-3

    @property
    def settle(self) -> Kernel[..., None]:
        """What the server does with the average."""
        return _adaptive

    @property
    def parameters(self) -> Floats:
        """What that needs to know."""
        return np.array([self.rate, self.beta1, self.beta2, self.epsilon])

    def states(self, d: int) -> tuple[State, ...]:
        """What the server remembers."""
        return (
            State("first_moment", "mean m of the server's moves, at every agent", d),
            State("second_moment", "mean v of their squares, at every agent", d),
        )


class FedOpt(Method, frozen=True, tag="fedopt"):
    """θ ← θ − γ g in a round; then the server goes on from x by Δ = (1/N) Σ_i θ^i − x, and θ ← x.

    g = w(X) ∇F(θ, X) (Reddi, Charles, Zaheer, Garrett, Rush, Konečný, Kumar and McMahan, Adaptive
    federated optimization, ICLR 2021). W has to be the average of all agents, of whom each does
    what the server would, so that nothing but θ is sent. x = θ_0 at first.

    Parameters
    ----------
    server
        ``"momentum"`` or ``"adam"``.
    """

    server: ServerMomentum | ServerAdam = ServerMomentum()

    @property
    def no_theorem(self) -> str:
        return "no theorem holds for fedopt, whose server makes steps of its own"

    @property
    def move(self) -> Kernel[..., None]:
        return _move

    @property
    def settle(self) -> Kernel[..., None]:
        return self.server.settle

    @property
    def parameters(self) -> Floats:
        return self.server.parameters

    def states(self, d: int) -> tuple[State, ...]:
        return (State("model", "x of the server, at every agent", d), *self.server.states(d))

    def check_mixing(self, schedule: Schedule, agents: int) -> None:
        check_averages("fedopt", schedule, agents)


@kernel(MOVE)
def _move(
    theta: Floats, slopes: Floats, memory: Memory, _parameters: Floats, gamma: float, n: int
) -> None:
    model = memory[0]
    agents, trials, d = theta.shape
    for i in range(agents):
        for t in range(trials):
            for k in range(d):
                if n == 1:
                    model[i, t, k] = theta[i, t, k]
                theta[i, t, k] -= gamma * slopes[i, t, k]


@kernel(SETTLE)
def _heavy_ball(theta: Floats, _slopes: Floats, memory: Memory, parameters: Floats) -> None:
    model, velocity = memory[:2]
    rate, beta = parameters
    agents, trials, d = theta.shape
    for i in range(agents):
        for t in range(trials):
            for k in range(d):
                delta = theta[i, t, k] - model[i, t, k]
                velocity[i, t, k] = beta * velocity[i, t, k] + delta
                model[i, t, k] += rate * velocity[i, t, k]
                theta[i, t, k] = model[i, t, k]


@kernel(SETTLE)
def _adaptive(theta: Floats, _slopes: Floats, memory: Memory, parameters: Floats) -> None:
    model, first, second = memory
    rate, beta1, beta2, epsilon = parameters
    agents, trials, d = theta.shape
    for i in range(agents):
        for t in range(trials):
            for k in range(d):
                delta = theta[i, t, k] - model[i, t, k]
                m = beta1 * first[i, t, k] + (1 - beta1) * delta
                v = beta2 * second[i, t, k] + (1 - beta2) * (delta * delta)
                first[i, t, k], second[i, t, k] = m, v
                model[i, t, k] += rate * m / (sqrt(v) + epsilon)
                theta[i, t, k] = model[i, t, k]
