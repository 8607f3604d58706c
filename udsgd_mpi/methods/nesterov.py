"""Nesterov's momentum."""

from typing import Annotated

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from udsgd_mpi.kernels.compiled import Kernel, kernel
from udsgd_mpi.methods.base import MOVE, Decay, Memory, Method, State, decay

Floats = NDArray[np.float64]


class Nesterov(Method, frozen=True, tag="nesterov"):
    """v ← β v + g, θ ← θ − γ (g + β v) for g = w(X) ∇F(θ, X); v stays with its agent.

    PyTorch's SGD with ``nesterov=True`` (Sutskever, Martens, Dahl and Hinton, On the importance of
    initialization and momentum in deep learning, 2013).

    Parameters
    ----------
    beta
        0 ≤ β < 1.
    weight_decay
        λ: g + λθ stands for g, as in PyTorch's SGD.
    """

    beta: Annotated[float, Meta(ge=0, lt=1)] = 0.9
    weight_decay: Decay = 0.0

    @property
    def move(self) -> Kernel[..., None]:
        return _move

    @property
    def parameters(self) -> Floats:
        return np.array([self.beta, self.weight_decay])

    def states(self, d: int) -> tuple[State, ...]:
        return (State("velocity", "velocities v^i_n of every agent", d),)


@kernel(MOVE)
def _move(
    theta: Floats, slopes: Floats, memory: Memory, parameters: Floats, gamma: float, _n: int
) -> None:
    beta, velocity = parameters[0], memory[0]
    decay(theta, slopes, parameters[1])
    agents, trials, d = theta.shape
    for i in range(agents):
        for t in range(trials):
            for k in range(d):
                velocity[i, t, k] = beta * velocity[i, t, k] + slopes[i, t, k]
                theta[i, t, k] -= gamma * (slopes[i, t, k] + beta * velocity[i, t, k])
