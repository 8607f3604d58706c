"""What methods have in common that carry a velocity."""

from typing import Annotated

import numpy as np
from msgspec import Meta
from numpy.typing import NDArray

from udsgd_mpi.methods.base import Decay, Method, State

Floats = NDArray[np.float64]


class WithVelocity(Method, frozen=True):
    """v ← β v + g for g = w(X) ∇F(θ, X); v stays with its agent and θ is mixed.

    Parameters
    ----------
    beta
        0 ≤ β < 1.
    weight_decay
        λ: g + λθ stands for g, as in PyTorch's SGD, so that decay gathers in v too.
    """

    beta: Annotated[float, Meta(ge=0, lt=1)] = 0.9
    weight_decay: Decay = 0.0

    @property
    def parameters(self) -> Floats:
        return np.array([self.beta, self.weight_decay])

    def states(self, d: int) -> tuple[State, ...]:
        return (State("velocity", "velocities v^i_n of every agent", d),)
