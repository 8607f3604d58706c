"""Limiting covariances (paper, Theorem 3.3)."""

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.theory.noise import Noise
from udsgd_mpi.theory.step_size import Polynomial, StepSize

Floats = NDArray[np.float64]


def long_run_covariance(noise: Noise, step_size: Polynomial) -> Floats:
    """U of one agent as it enters M V + V Mᵀ + U = 0, shape (d, d).

    A history that is faster than θ (b < a) divides each mode by κ² (Hu, Doshi and Eun, ICLR
    2024); one that is slower (b > a) comes too late to matter.

    Raises
    ------
    ValueError
        If b = a, where θ and the history move together and there is no such U.
    """
    if noise.b is not None and noise.b == step_size.exponent:
        raise ValueError("b = a: the covariance of θ and the history is a joint one")
    faster = noise.b is not None and noise.b < step_size.exponent
    modes = noise.amplitudes / noise.repulsion[:, None] if faster else noise.amplitudes
    return np.asarray(modes.T @ modes)


def limiting_covariance(noise: Noise, H: Floats, step_size: StepSize) -> Floats:
    """V of one agent alone, the limit of Cov(θ_n − θ*) / γ_n, shape (d, d).

    V of N agents is (1/N²) Σ_i V_i.

    Parameters
    ----------
    H
        Hessian of f at θ*, shape (d, d).

    Raises
    ------
    ConfigurationError
        If a = 1 and γ⋆ ≤ 1/(2μ), μ the smallest eigenvalue of H; says which γ⋆ works.
    """
    step_size = check_step_size(float(np.linalg.eigvalsh(H)[0]), step_size)
    if noise.b is not None and noise.b == step_size.exponent:
        return _jointly(noise, H, step_size)
    from scipy.linalg import solve_continuous_lyapunov

    shift = 1 / (2 * step_size.gamma) if step_size.exponent == 1 else 0.0
    M = shift * np.eye(len(H)) - H
    V = solve_continuous_lyapunov(M, -long_run_covariance(noise, step_size))
    return np.asarray((V + V.T) / 2)


def trace_factor(step_size: Polynomial) -> float:
    """S of Tr V = Tr U (2H − s I)⁻¹, by which V's trace is known without V.

    V = ∫ e^{Mt} U e^{Mt} dt over t ≥ 0, and 2M = s I − 2H.
    """
    return 1 / step_size.gamma if step_size.exponent == 1 else 0.0


def check_step_size(smallest: float, step_size: StepSize, momentum: float = 0.0) -> Polynomial:
    """The step size, unless the theorem does not hold for it.

    Parameters
    ----------
    smallest
        μ, the smallest eigenvalue of H.
    momentum
        β of the heavy ball.

    Raises
    ------
    ConfigurationError
        If it is not γ⋆ / n^a with a > 0, or a = 1 and γ⋆ ≤ (1 − β)/(2μ).
    """
    if not isinstance(step_size, Polynomial) or step_size.exponent == 0:
        raise ConfigurationError(
            "step_size: no limit theorem holds for a constant step, or one that is not"
            " gamma / n^exponent; expected kind 'polynomial' with an exponent in (0.5, 1]"
        )
    least = (1 - momentum) / (2 * smallest)
    bound = "(1 − β)/(2μ)" if momentum else "1/(2μ)"
    if step_size.exponent == 1 and step_size.gamma <= least:
        raise ConfigurationError(
            f"step_size.gamma: expected more than {bound} = {least:.6g} for a limiting"
            f" covariance with exponent 1, got {step_size.gamma:g}; use a larger gamma, or an"
            " exponent below 1"
        )
    return step_size


def has_limit(smallest: float, step_size: StepSize) -> bool:
    """Whether the limit theorem holds for a step size."""
    try:
        check_step_size(smallest, step_size)
    except ConfigurationError:
        return False
    return True


def _jointly(noise: Noise, H: Floats, step_size: Polynomial) -> Floats:
    """V where b = a, from the joint Lyapunov equation of (θ, y), mode by mode."""
    e = 1.0 if step_size.exponent == 1 else 0.0
    gamma = step_size.gamma
    h, basis = np.linalg.eigh(H)
    turned = noise.turned(basis)
    V = np.zeros_like(H)
    for amplitude, kappa in zip(turned.amplitudes, turned.repulsion, strict=True):
        yy = 1 / (2 * kappa - e)
        ty = gamma * ((kappa - 1) * yy - 1) / (gamma * h + kappa - e)
        tt = (kappa - 1) * (ty[:, None] + ty) + gamma
        V += np.outer(amplitude, amplitude) * tt / (gamma * (h[:, None] + h) - e)
    return np.asarray(basis @ V @ basis.T)
