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


def push_sum(theta: Floats, gradient: Gradient, W: Weights, gamma: Floats) -> Floats:
    """Push x ← W (x − γ g(z)) and w ← W w; z = x / w (Assran et al., 2019, algorithm 1)."""
    x, z, w = theta, theta, np.ones(len(theta))
    for n, step in enumerate(gamma):
        x = mixed(W(n + 1), x - step * gradient(z, n))
        w = mixed(W(n + 1), w)
        z = (x.T / w).T
    return z


def exact_diffusion(theta: Floats, gradient: Gradient, W: Weights, gamma: Floats) -> Floats:
    """θ ← W (2 θ − θ_old − γ g + γ_old g_old), after W (θ − γ g) (Tang et al., 2018, D²)."""
    moved = gamma[0] * gradient(theta, 0)
    old, theta = theta, mixed(W(1), theta - moved)
    for n, step in enumerate(gamma[1:], start=1):
        new = step * gradient(theta, n)
        old, theta, moved = theta, mixed(W(n + 1), 2 * theta - old - new + moved), new
    return theta


def extra(theta: Floats, gradient: Gradient, W: Weights, gamma: Floats) -> Floats:
    """θ ← θ + W θ − ½ (θ_old + W θ_old) − γ g + γ_old g_old, after W θ − γ g (Shi et al., 2015)."""
    moved = gamma[0] * gradient(theta, 0)
    old, theta = theta, mixed(W(1), theta) - moved
    for n, step in enumerate(gamma[1:], start=1):
        new, combined = step * gradient(theta, n), theta + mixed(W(n + 1), theta)
        old, theta = theta, combined - (old + mixed(W(n), old)) / 2 - new + moved
        moved = new
    return theta


def choco(step_of_consensus: float, compressed: Callable[[Floats, int], Floats]) -> Loop:
    """Algorithm 2 of Koloskova, Stich and Jaggi (2019), given Q(x) at the l-th aggregation.

    Between aggregations steps are local.
    """

    def loop(theta: Floats, gradient: Gradient, W: Weights, gamma: Floats) -> Floats:
        public, number = np.zeros_like(theta), 0
        for n, step in enumerate(gamma):
            theta = theta - step * gradient(theta, n)
            if ends_round(W(n + 1)):
                number += 1
                public = public + compressed(theta - public, number)
                towards = np.zeros_like(theta)
                for i, row in enumerate(W(n + 1)):
                    for j, w in enumerate(row):
                        towards[i] += w * (public[j] - public[i])
                theta = theta + step_of_consensus * towards
        return theta

    return loop


def stale(delay: Callable[[int, int, int], int]) -> Loop:
    """θ^i ← w_ii h^i_l + Σ_{j≠i} w_ij h^j_{l−τ} at the l-th aggregation, given τ of l, i and j.

    h_l are half-steps at it, and θ_0 for l ≤ 0. Between aggregations steps are local.
    """

    def loop(theta: Floats, gradient: Gradient, W: Weights, gamma: Floats) -> Floats:
        half_steps = [theta]
        for n, step in enumerate(gamma):
            theta = theta - step * gradient(theta, n)
            if ends_round(W(n + 1)):
                number = len(half_steps)
                half_steps.append(theta)
                theta = np.zeros_like(theta)
                for i, row in enumerate(W(n + 1)):
                    for j, w in enumerate(row):
                        old = 0 if i == j else delay(number, i, j)
                        theta[i] += w * half_steps[max(0, number - old)][j]
        return theta

    return loop


def prox(mu: float) -> Loop:
    """Local steps on F + (μ/2) ‖θ − z‖² from z on (Li et al., 2020)."""

    def loop(theta: Floats, gradient: Gradient, W: Weights, gamma: Floats) -> Floats:
        z = theta
        for n, step in enumerate(gamma):
            theta = theta - step * (gradient(theta, n) + mu * (theta - z))
            if ends_round(W(n + 1)):
                z = theta = mixed(W(n + 1), theta)
        return theta

    return loop


def scaffold(theta: Floats, gradient: Gradient, W: Weights, gamma: Floats) -> Floats:
    """Algorithm 1 of Karimireddy et al. (2020), option II, with Σ γ for K η_l and η_g = 1."""
    x, own, server, total = theta.copy(), np.zeros_like(theta), np.zeros_like(theta), 0.0
    y = x
    for n, step in enumerate(gamma):
        y = y - step * (gradient(y, n) - own + server)
        total += step
        if ends_round(W(n + 1)):
            new = own - server + (x - y) / total
            x = x + (y - x).mean(axis=0)
            server = server + (new - own).mean(axis=0)
            own, y, total = new, x, 0.0
    return y


def fedopt(step_of_server: Callable[[Floats, dict[str, Floats]], Floats]) -> Loop:
    """Algorithm 1 of Reddi et al. (2021), given the server's step for the mean Δ."""

    def loop(theta: Floats, gradient: Gradient, W: Weights, gamma: Floats) -> Floats:
        x, kept = theta.mean(axis=0), {}
        for n, step in enumerate(gamma):
            theta = theta - step * gradient(theta, n)
            if ends_round(W(n + 1)):
                x = x + step_of_server(np.mean([each - x for each in theta], axis=0), kept)
                theta = np.stack([x] * len(theta))
        return theta

    return loop


def heavy_ball(delta: Floats, kept: dict[str, Floats]) -> Floats:
    """FedAvgM with η = 0.5 and β = 0.8."""
    kept["v"] = 0.8 * kept.get("v", 0 * delta) + delta
    return 0.5 * kept["v"]


def adam(delta: Floats, kept: dict[str, Floats]) -> Floats:
    """FedAdam with η = 0.05, β₁ = 0.7, β₂ = 0.95 and τ = 0.01."""
    kept["m"] = 0.7 * kept.get("m", 0 * delta) + 0.3 * delta
    kept["v"] = 0.95 * kept.get("v", 0 * delta) + 0.05 * delta**2
    return np.asarray(0.05 * kept["m"] / (np.sqrt(kept["v"]) + 0.01))


def ends_round(W: Floats) -> bool:
    """Whether there is an aggregation."""
    return not np.array_equal(W, np.eye(len(W)))
