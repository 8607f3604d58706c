"""Momentum."""

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from udsgd_mpi.kernels.compiled import Kernel, kernel
from udsgd_mpi.methods.base import MOVE, Memory, decay
from udsgd_mpi.methods.velocity import WithVelocity
from udsgd_mpi.theory.step_size import StepSize

Floats = NDArray[np.float64]


class Momentum(WithVelocity, frozen=True, tag="momentum"):
    """v ← β v + w(X) ∇F(θ, X), θ ← θ − γ v.

    The heavy ball (Polyak, Some methods of speeding up the convergence of iteration methods, 1964)
    in the form of PyTorch's SGD without dampening. z = θ − γβ/(1 − β) v moves as sgd with
    γ/(1 − β), by gradients at θ, which is O(γ) away (Yang, Lin and Li, Unified convergence analysis
    of stochastic momentum methods, 2016); so the limit is that of sgd.
    """

    @property
    def momentum(self) -> float | None:
        return None if self.weight_decay else self.beta

    @property
    def proved(self) -> bool:
        return True

    @property
    def move(self) -> Kernel[..., None]:
        return _move

    def in_the_limit(self, step_size: StepSize) -> StepSize:
        return replace(step_size, gamma=step_size.gamma / (1 - self.beta))


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
                theta[i, t, k] -= gamma * velocity[i, t, k]
