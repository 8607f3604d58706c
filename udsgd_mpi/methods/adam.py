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

    m ← β₁ m + (1 − β₁) g and v ← β₂ v + (1 − β₂) g² for g = w(X) ∇F(θ, X), m̂ = m / (1 − β₁ⁿ) and
    v̂ = v / (1 − β₂ⁿ) (Kingma and Ba, ICLR 2015), as PyTorch has it. m and v stay with their agent.

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
        )


@kernel(MOVE)
def _move(
    theta: Floats, slopes: Floats, memory: Memory, parameters: Floats, gamma: float, n: int
) -> None:
    beta1, beta2, epsilon, weight_decay = parameters
    first, second = memory[:2]
    keep = 1 - gamma * weight_decay
    step, root = gamma / (1 - beta1**n), sqrt(1 - beta2**n)
    agents, trials, d = theta.shape
    for i in range(agents):
        for t in range(trials):
            for k in range(d):
                g = slopes[i, t, k]
                m = beta1 * first[i, t, k] + (1 - beta1) * g
                v = beta2 * second[i, t, k] + (1 - beta2) * (g * g)
                first[i, t, k], second[i, t, k] = m, v
                theta[i, t, k] = keep * theta[i, t, k] - step * m / (sqrt(v) / root + epsilon)
