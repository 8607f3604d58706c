"""SCAFFOLD."""

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.communication import Schedule
from udsgd_mpi.kernels.compiled import Kernel, kernel
from udsgd_mpi.methods.base import MOVE, SETTLE, Memory, State
from udsgd_mpi.methods.corrected import Corrected
from udsgd_mpi.methods.mixing import check_averages

Floats = NDArray[np.float64]


class Scaffold(Corrected, frozen=True, tag="scaffold"):
    """θ^i ← θ^i − γ (g^i − c^i + c) in a round; then θ ← (1/N) Σ_i θ^i, c ← (1/N) Σ_i c^i.

    g = w(X) ∇F(θ, X). Before c is averaged, c^i becomes the mean of the g^i of the round, each
    weighted by its γ, so that local steps of all agents go along the mean gradient; c^i = c = 0 in
    the first round (Karimireddy, Kale, Mohri, Reddi, Stich and Suresh, SCAFFOLD, ICML 2020,
    algorithm 1 with option II, as c^i − c + (x − y^i)/(Kη) is that mean; full participation,
    η_g = 1). One exchange carries both θ and c^i.

    W has to be the average of all agents. Agents outside the set of ``lsgd_pp`` go on from models
    of their own, and what they would learn of c^i is of these.
    """

    @property
    def move(self) -> Kernel[..., None]:
        return _move

    @property
    def settle(self) -> Kernel[..., None]:
        return _settle

    def states(self, d: int) -> tuple[State, ...]:
        return (
            State(
                "control",
                "mean gradients of the round, later their average c, of every agent",
                d,
                mixed=True,
            ),
            State("drift", "c^i − c of every agent", d),
            State("length", "sum of the step sizes of the round, of every agent", 1),
        )

    def check_mixing(self, schedule: Schedule, agents: int) -> None:
        check_averages("scaffold", schedule, agents)


@kernel(MOVE)
def _move(
    theta: Floats, slopes: Floats, memory: Memory, _parameters: Floats, gamma: float, _n: int
) -> None:
    """Leave c^i in the slopes, beside the one that is to be averaged."""
    control, drift, length = memory
    agents, trials, d = theta.shape
    for i in range(agents):
        for t in range(trials):
            length[i, t, 0] += gamma
            share = gamma / length[i, t, 0]
            for k in range(d):
                g = slopes[i, t, k]
                theta[i, t, k] -= gamma * (g - drift[i, t, k])
                control[i, t, k] = (1 - share) * control[i, t, k] + share * g
                slopes[i, t, k] = control[i, t, k]


@kernel(SETTLE)
def _settle(_theta: Floats, slopes: Floats, memory: Memory, _parameters: Floats) -> None:
    control, drift, length = memory
    agents, trials, d = drift.shape
    for i in range(agents):
        for t in range(trials):
            length[i, t, 0] = 0
            for k in range(d):
                drift[i, t, k] = slopes[i, t, k] - control[i, t, k]
