"""Distributed methods as papers write them: dense loops over all agents, which share no code.

Each takes θ_0, the gradients of all agents at θ and n, W_n, γ_n and the number of steps. Arrays
have agents first; the n-th step, n = 0, 1, …, has γ[n] and ends with W(n + 1).
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Gradient = Callable[[Floats, int], Floats]
Weights = Callable[[int], Floats]
Loop = Callable[[Floats, Gradient, Weights, Floats], Floats]


def mixed(W: Floats, values: Floats) -> Floats:
    """Σ_j w_ij v^j."""
    return np.tensordot(W, values, 1)


def sgd(theta: Floats, gradient: Gradient, W: Weights, gamma: Floats) -> Floats:
    """θ ← W (θ − γ g)."""
    for n, step in enumerate(gamma):
        theta = mixed(W(n + 1), theta - step * gradient(theta, n))
    return theta


def gradient_tracking(theta: Floats, gradient: Gradient, W: Weights, gamma: Floats) -> Floats:
    """θ ← W (θ − γ y), y ← W y + g_new − g_old (Alghunaim and Yuan, 2022, semi-ATC)."""
    old = y = gradient(theta, 0)
    for n, step in enumerate(gamma):
        theta = mixed(W(n + 1), theta - step * y)
        if n + 1 < len(gamma):
            new = gradient(theta, n + 1)
            y = mixed(W(n + 1), y) + new - old
            old = new
    return theta


def exact_diffusion(theta: Floats, gradient: Gradient, W: Weights, gamma: Floats) -> Floats:
    """θ ← W (2 θ − θ_old − γ g + γ_old g_old), after W (θ − γ g) (Tang et al., 2018, D²)."""
    moved = gamma[0] * gradient(theta, 0)
    old, theta = theta, mixed(W(1), theta - moved)
    for n, step in enumerate(gamma[1:], start=1):
        new = step * gradient(theta, n)
        old, theta, moved = theta, mixed(W(n + 1), 2 * theta - old - new + moved), new
    return theta
