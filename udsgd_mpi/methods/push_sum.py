"""Stochastic gradient push."""

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.kernels.compiled import Kernel, kernel
from udsgd_mpi.methods.base import MOVE, SETTLE, Memory, State
from udsgd_mpi.methods.corrected import Corrected

Floats = NDArray[np.float64]


class PushSum(Corrected, frozen=True, tag="push_sum"):
    """x ← W (x − γ g), ω ← W ω, θ = x / ω, for a W whose columns sum to 1 and whose rows need not.

    g = w(X) ∇F(θ, X), and one exchange carries both x and the weight ω, which is 1 at first. As W
    keeps Σ_i x^i and Σ_i ω^i = N, and ω^i makes up for how much of others agent i hears, all θ^i
    come to (1/N) Σ_i x^i, which moves as the average of sgd (Nedić and Olshevsky, Stochastic
    gradient-push for strongly convex functions on time-varying directed graphs, IEEE Transactions
    on Automatic Control, 2016; here in the order of Assran, Loizou, Ballas and Rabbat, Stochastic
    gradient push for distributed deep learning, ICML 2019, algorithm 1: adapt, then combine).

    θ is what is recorded, and its plain average over agents. That of x is the average with the
    weights ω^i / N; they differ by what agents disagree, of order γ_n, which does not change the
    limit. Between aggregations a step is θ ← θ − (γ / ω) g, that of x.

    W may change with n. Where its rows sum to 1, too, ω = 1, and the method is sgd.
    """

    @property
    def move(self) -> Kernel[..., None]:
        return _move

    @property
    def prepare(self) -> Kernel[..., None]:
        return _prepare

    @property
    def settle(self) -> Kernel[..., None]:
        return _settle

    def states(self, d: int) -> tuple[State, ...]:
        return (State("weight", "weights ω^i_n of every agent, mixed", 1, mixed=True, initial=1.0),)

    def check_unbalanced(self) -> None:
        """Take any W whose columns sum to 1."""


@kernel(MOVE)
def _move(
    theta: Floats, slopes: Floats, memory: Memory, _parameters: Floats, gamma: float, _n: int
) -> None:
    weight = memory[0]
    agents, trials, d = theta.shape
    for i in range(agents):
        for t in range(trials):
            step = gamma / weight[i, t, 0]
            for k in range(d):
                theta[i, t, k] -= step * slopes[i, t, k]


@kernel(SETTLE)
def _prepare(theta: Floats, _slopes: Floats, memory: Memory, _parameters: Floats) -> None:
    """Form x = ω θ, which W mixes."""
    weight = memory[0]
    agents, trials, d = theta.shape
    for i in range(agents):
        for t in range(trials):
            for k in range(d):
                theta[i, t, k] *= weight[i, t, 0]


@kernel(SETTLE)
def _settle(theta: Floats, _slopes: Floats, memory: Memory, _parameters: Floats) -> None:
    weight = memory[0]
    agents, trials, d = theta.shape
    for i in range(agents):
        for t in range(trials):
            for k in range(d):
                theta[i, t, k] /= weight[i, t, 0]
