"""Exact stationary moments of linear SGD driven by a finite Markov chain; no code is shared.

With u′ = B_s u + c_s at state s, which goes on to state t with probability P_st, the moments
m_t = E[u 1{t}] and S_t = E[u uᵀ 1{t}] solve m_t = Σ_s P_st (B_s m_s + π_s c_s), and likewise for S.
"""

from itertools import product

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def exact_moments(P: Floats, B: Floats, c: Floats) -> tuple[Floats, Floats]:
    """E u, shape (k,), and E u uᵀ, shape (k, k).

    P is (states, states), B is (states, k, k) and c (states, k).
    """
    states, k = c.shape
    values, vectors = np.linalg.eig(P.T)
    law = np.real(vectors[:, np.argmin(abs(values - 1))])
    law = law / law.sum()
    M = np.einsum("st,sab->tasb", P, B).reshape(states * k, states * k)
    m = np.linalg.solve(np.eye(len(M)) - M, ((law[:, None] * c).T @ P).T.ravel()).reshape(states, k)
    M = np.einsum("st,sab,scd->tacsbd", P, B, B).reshape(states * k * k, states * k * k)
    moved = np.einsum("sab,sb,sc->sac", B, m, c)
    added = moved + moved.swapaxes(1, 2) + law[:, None, None] * c[:, :, None] * c[:, None]
    right = np.einsum("st,sab->tab", P, added).ravel()
    S = np.linalg.solve(np.eye(len(M)) - M, right).reshape(states, k, k)
    return m.sum(axis=0), S.sum(axis=0)


def exact_average(
    gamma: float, W: Floats, interval: int, chains: list[Floats], A: list[Floats], b: list[Floats]
) -> tuple[Floats, float]:
    """E of the network average of u^i = θ^i − θ*, and the trace of its covariance.

    Averaged over the phases of an interval.

    Parameters
    ----------
    chains, A, b
        Of each agent: P (points, points), and A(x) (points, d, d) and g(x) (points, d) at θ*.
    """
    N, d = len(chains), b[0].shape[1]
    points = [range(len(P)) for P in chains]
    P = np.ones((1, 1))
    for each in chains:
        P = np.kron(P, each)
    steps, shifts = [], []
    for X in product(*points):
        step, shift = np.eye(N * d), np.zeros(N * d)
        for i, x in enumerate(X):
            rows = slice(i * d, (i + 1) * d)
            step[rows, rows] -= gamma * A[i][x]
            shift[rows] = -gamma * b[i][x]
        steps.append(step)
        shifts.append(shift)
    cycle = np.roll(np.eye(interval), 1, axis=1)
    mixes = [np.kron(W, np.eye(d)) if p == interval - 1 else np.eye(N * d) for p in range(interval)]
    B = np.stack([mix @ step for mix in mixes for step in steps])
    c = np.stack([mix @ shift for mix in mixes for shift in shifts])
    m, S = exact_moments(np.kron(cycle, P), B, c)
    mean = np.kron(np.full((1, N), 1 / N), np.eye(d))
    bias = mean @ m
    return bias, float(np.trace(mean @ S @ mean.T) - bias @ bias)
