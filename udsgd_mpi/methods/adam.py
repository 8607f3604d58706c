"""Adam."""

from math import sqrt
from typing import Annotated

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from udsgd_mpi.kernels.compiled import Kernel, kernel
from udsgd_mpi.methods.base import MOVE, Decay, Memory, Method, State

Floats = NDArray[np.float64]


class Adam(Method, frozen=True, tag="adam"):
    """θ ← θ − γ m̂ / (√v̂ + ε), where m̂ and v̂ are means of g and g² that remember less and less.

    m ← β₁ m + (1 − β₁) g and v ← β₂ v + (1 − β₂) g² for g = w(X) ∇F(θ, X), m̂ = m / (1 − β₁ᵏ) and
    v̂ = v / (1 − β₂ᵏ) at an agent's k-th step (Kingma and Ba, ICLR 2015), as PyTorch has it. m and v
    stay with their agent, and so does k, which is less than n where the agent was away.

    Parameters
    ----------
    beta1, beta2
        β₁ and β₂, both in [0, 1).
    epsilon
        ε > 0.
    weight_decay
        λ of the decoupled kind: θ ← (1 − γλ) θ before the step, as PyTorch's AdamW (Loshchilov and
        Hutter, ICLR 2019); m and v know nothing of it.
    """

    beta1: Annotated[float, Meta(ge=0, lt=1)] = 0.9
    beta2: Annotated[float, Meta(ge=0, lt=1)] = 0.999
    epsilon: Annotated[float, Meta(gt=0, le=1e9)] = 1e-8
    weight_decay: Decay = 0.0

    @property
    def move(self) -> Kernel[..., None]:
        return _move

    @property
    def parameters(self) -> Floats:
        return np.array([self.beta1, self.beta2, self.epsilon, self.weight_decay])

    def states(self, d: int) -> tuple[State, ...]:
        return (
            State("first_moment", "means m^i_n of the gradients of every agent", d),
            State("second_moment", "means v^i_n of their squares", d),
            State("steps_taken", "steps k of every agent so far", 1),
        )


@kernel(MOVE)
def _move(
    theta: Floats, slopes: Floats, memory: Memory, parameters: Floats, gamma: float, _n: int
) -> None:
    beta1, beta2, epsilon, weight_decay = parameters
    first, second, taken = memory
    keep = 1 - gamma * weight_decay
    known, step, root = 0, 0.0, 0.0
    agents, trials, d = theta.shape
    for i in range(agents):
        for t in range(trials):
            taken[i, t, 0] += 1
            k = int(taken[i, t, 0])
            if k != known:  # powers take as long as some coordinates
                known, step, root = k, gamma / (1 - beta1**k), sqrt(1 - beta2**k)
            for j in range(d):
                g = slopes[i, t, j]
                m = beta1 * first[i, t, j] + (1 - beta1) * g
                v = beta2 * second[i, t, j] + (1 - beta2) * (g * g)
                first[i, t, j], second[i, t, j] = m, v
                theta[i, t, j] = keep * theta[i, t, j] - step * m / (sqrt(v) / root + epsilon)
