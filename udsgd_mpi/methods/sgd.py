"""Plain stochastic gradient descent."""

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.kernels.compiled import Kernel, kernel
from udsgd_mpi.methods.base import MOVE, Decay, Memory, Method, decay

Floats = NDArray[np.float64]


class SGD(Method, frozen=True, tag="sgd"):
    """θ ← θ − γ w(X) ∇F(θ, X) (paper, eq. 1a).

    Parameters
    ----------
    weight_decay
        λ: θ ← θ − γ (w ∇F + λθ), as in PyTorch. Unlike ``objective.l2`` it is no part of F and has
        no weight w, so that the θ* of f is not what θ comes to.
    """

    weight_decay: Decay = 0.0

    @property
    def momentum(self) -> float | None:
        return None if self.weight_decay else 0.0

    @property
    def proved(self) -> bool:
        return True

    @property
    def move(self) -> Kernel[..., None] | None:
        return _move if self.weight_decay else None

    @property
    def parameters(self) -> Floats:
        return np.array([self.weight_decay])


@kernel(MOVE)
def _move(
    theta: Floats, slopes: Floats, _memory: Memory, parameters: Floats, gamma: float, _n: int
) -> None:
    decay(theta, slopes, parameters[0])
    agents, trials, d = theta.shape
    for i in range(agents):
        for t in range(trials):
            for k in range(d):
                theta[i, t, k] -= gamma * slopes[i, t, k]
