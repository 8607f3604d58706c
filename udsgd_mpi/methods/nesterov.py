"""Nesterov's momentum."""

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.kernels.compiled import Kernel, kernel
from udsgd_mpi.methods.base import MOVE, Memory, decay
from udsgd_mpi.methods.velocity import WithVelocity

Floats = NDArray[np.float64]


class Nesterov(WithVelocity, frozen=True, tag="nesterov"):
    """v ← β v + g, θ ← θ − γ (g + β v) for g = w(X) ∇F(θ, X).

    PyTorch's SGD with ``nesterov=True`` (Sutskever, Martens, Dahl and Hinton, On the importance of
    initialization and momentum in deep learning, 2013).
    """

    @property
    def move(self) -> Kernel[..., None]:
        return _move


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
