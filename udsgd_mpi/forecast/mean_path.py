"""Where a run would be without noise: what disagreement and the start leave in its average.

Agents that differ pull from where they are, not from their average. Under steps γ_n that is a bias
of order γ_n, against standard errors of order √γ_n: gone in the limit, but not at the n of runs
with agents that differ much. For gradients that are linear in θ and independent draws the mean of
θ^i_n follows the update itself, with the run's own W_n and each agent's ∇f_i.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.communication import Schedule
from udsgd_mpi.theory.step_size import StepSize

Floats = NDArray[np.float64]

MOST_WORK = 10**11  # multiplications; some minutes


def work(agents: int, d: int, steps: int) -> int:
    """Multiplications that a path takes."""
    return agents * (d * d + agents) * steps


def mean_path(
    slopes: Floats,
    hessians: Floats,
    start: Floats,
    schedule: Schedule,
    step_size: StepSize,
    last: int,
    momentum: float = 0.0,
    check_in: Callable[[], None] = lambda: None,
) -> tuple[Floats, Floats]:
    """Averages over agents of θ^i_n and of (1/n) Σ_{s<n} θ^i_s without noise; shape (d,) each.

    Parameters
    ----------
    slopes, hessians
        ∇f_i and ∇²f_i at 0, from which gradients are linear; shapes (agents, d), (agents, d, d).
    start
        θ_0, shape (d,).
    last
        n.
    momentum
        β of the heavy ball.
    check_in
        Is called after each of many blocks of steps.
    """
    theta = np.tile(start, (len(slopes), 1))
    mixed, velocity, total = np.empty_like(theta), np.zeros_like(theta), np.zeros_like(start)
    for first, gamma in step_size.in_blocks(1, last):
        for n, g in enumerate(gamma.tolist(), first):
            total += theta.mean(axis=0)
            gradients = slopes + np.einsum("iab,ib->ia", hessians, theta)
            velocity = momentum * velocity + gradients if momentum else gradients
            theta -= g * velocity
            if schedule.aggregates(n):
                schedule.mixing(n).apply(theta, mixed)
                theta, mixed = mixed, theta
        check_in()
    return theta.mean(axis=0), total / last
