"""Second moments of θ_n − θ* from sampler paths alone: no learning, no communication.

As no sampler looks at θ, θ_n − θ* is to first order a linear functional of the agents' paths,
Σ_k Φ(n, k) γ_k g_i(X_k) with Φ(n, k) = Π_{k<m≤n} (I − γ_m H).
"""

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.kernels.compiled import kernel
from udsgd_mpi.kernels.prefetch import ask_for_next
from udsgd_mpi.samplers import SamplePath
from udsgd_mpi.theory.step_size import StepSize

Floats = NDArray[np.float64]
Pace = Callable[[int, int], Floats]
See = Callable[[NDArray[np.int32]], None]

_BLOCK = 1024


class Functional(NamedTuple):
    """The functional over trials, in the eigenbasis of H, by step.

    Attributes
    ----------
    mean
        Shape (steps, d).
    variance
        E‖· − mean‖², shape (steps,).
    error
        Standard error of ``variance``, shape (steps,).
    excess
        What the sampling adds to E mean², shape (steps, d).
    """

    mean: Floats
    variance: Floats
    error: Floats
    excess: Floats

    @classmethod
    def unknown(cls, steps: int, d: int) -> "Functional":
        """NaN, where it was not asked for."""
        nan = np.broadcast_to(np.nan, (steps, d))  # they take no memory
        return cls(nan, nan[:, 0], nan[:, 0], nan)

    @classmethod
    def exactly(cls, variance: Floats, d: int) -> "Functional":
        """Mean 0 and a variance that is not sampled."""
        zeros = np.broadcast_to(0.0, (len(variance), d))  # they take no memory
        return cls(zeros, variance, zeros[:, 0], zeros)


def along_paths(
    path: SamplePath,
    trials: int,
    g: Floats,
    h: Floats,
    step_size: StepSize,
    steps: NDArray[np.int64],
    check_in: Callable[[], None] = lambda: None,
    momentum: float = 0.0,
    see: See = lambda _: None,
    pace: Pace | None = None,
    *,
    averaged: bool = True,
) -> Iterator[tuple[Floats, Floats]]:
    """What one agent's paths make of θ_n and of (1/n) Σ_{s<n} θ_s, shape (trials, d) each.

    Parameters
    ----------
    g
        g_i(x) − E_π g_i in the eigenbasis of H, shape (points, d).
    h
        Eigenvalues of H, shape (d,).
    steps
        The n to look at, ascending.
    check_in
        Is called after each of many blocks of steps.
    momentum
        β of the heavy ball.
    see
        Takes each block of points at which the agent takes a step, shape (steps, trials).
    pace
        Takes n and m and gives the factors of g at steps n, …, m, 0 where the agent takes none. By
        default 1.
    averaged
        Whether the second is asked for, which takes two thirds more of the time; otherwise it is of
        shape (trials, 0).

    Yields
    ------
    Both at one of the steps after the other; the first is overwritten by the next.
    """
    theta, velocity = np.zeros((2, 1, trials, len(h)))
    total = np.zeros((1, trials, len(h) if averaged else 0))
    X = np.empty((_BLOCK, trials), dtype=np.int32)
    factors = np.ones((_BLOCK, 1))
    n, drawn = 0, 0
    for step in steps.tolist():
        while n < step:
            if n == drawn:
                path.draw(X)
                if pace:
                    factors[:, 0] = pace(n + 1, n + _BLOCK)
                see(X[factors[:, 0] > 0] if pace else X)
                drawn += _BLOCK
            end = min(step, drawn)
            first = n - drawn + _BLOCK
            part = slice(first, first + end - n)
            gamma = step_size(n + 1, end)
            linear_descent(
                theta, total, velocity, X[part, None], g, h, gamma, factors[part], momentum
            )
            n = end
            check_in()
        yield theta[0], total[0] / max(n, 1)


def functionals(values: Iterable[tuple[Floats, Floats]], d: int) -> tuple[Functional, Functional]:
    """Those of θ_n and of (1/n) Σ_{s<n} θ_s, from what ``along_paths`` yields."""
    found: tuple[list[Functional], list[Functional]] = ([], [])
    for pair in values:
        for rows, each in zip(found, pair, strict=True):
            if each.shape[1] > 0:
                rows.append(sampled_functional(each))
    steps = len(found[0])
    of_theta, of_average = (
        Functional(*map(np.array, zip(*rows, strict=True)))
        if rows
        else Functional.unknown(steps, d)
        for rows in found
    )
    return of_theta, of_average


def sampled_functional(values: Floats) -> Functional:
    """The functional from ``values`` (trials, d) at one step; without the axis of steps."""
    trials = len(values)
    mean = values.mean(axis=0)
    squares = (values - mean) ** 2 * trials / (trials - 1)
    variance = squares.mean(axis=0)
    error = squares.sum(axis=1).std(ddof=1) / np.sqrt(trials)
    return Functional(mean, variance.sum(), error, variance / trials)


@kernel(
    "void(float64[:, :, ::1], float64[:, :, ::1], float64[:, :, ::1], int32[:, :, ::1],"
    " float64[:, ::1], float64[::1], float64[::1], float64[:, ::1], float64)"
)
def linear_descent(
    theta: Floats,
    total: Floats,
    velocity: Floats,
    X: NDArray[np.int32],
    g: Floats,
    h: Floats,
    gamma: Floats,
    pace: Floats,
    momentum: float,
) -> None:
    """θ ← (1 − γ h) θ − γ s g(X_n) at each step, in place, after adding θ to ``total``.

    With momentum the heavy ball instead: v ← momentum v + h θ + s g(X_n), θ ← θ − γ v.

    theta and velocity are (agents, trials, d), and so is total, or (agents, trials, 0)
    where no sum is asked for; X is (steps, agents, trials), g is (rows, d), h is (d,), gamma
    (steps,) and s, the pace, (steps, agents).
    """
    agents, trials, d = theta.shape
    averaged = total.shape[2] > 0
    for n in range(len(gamma)):
        for i in range(agents):
            ask_for_next(g, X, n, i)
            s = pace[n, i]
            noise = gamma[n] * s
            for t in range(trials):
                x = X[n, i, t]
                if averaged:
                    for a in range(d):
                        total[i, t, a] += theta[i, t, a]
                if momentum > 0:
                    for a in range(d):
                        slope = h[a] * theta[i, t, a] + s * g[x, a]
                        velocity[i, t, a] = momentum * velocity[i, t, a] + slope
                        theta[i, t, a] -= gamma[n] * velocity[i, t, a]
                    continue
                for a in range(d):
                    theta[i, t, a] = (1 - gamma[n] * h[a]) * theta[i, t, a] - noise * g[x, a]
