"""Limits solve their equations, and finite-n moments those of the recursion they come from."""

import tracemalloc

import numpy as np
import pytest
from scipy.special import digamma, gammaln

from udsgd_mpi.forecast.paths import along_paths, functionals
from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.theory import step_size as step_sizes
from udsgd_mpi.theory.limit import limiting_covariance
from udsgd_mpi.theory.noise import Noise
from udsgd_mpi.theory.second_moments import SecondMoments
from udsgd_mpi.theory.start import left_of_start
from udsgd_mpi.theory.step_size import CachedStepSize, Polynomial, StepSize

H = np.array([[1.4, 0.3, 0.0], [0.3, 2.0, -0.2], [0.0, -0.2, 0.9]])
U = np.array([[2.0, 0.4, 0.1], [0.4, 1.0, 0.0], [0.1, 0.0, 0.5]])


@pytest.mark.parametrize(("gamma", "exponent"), [(1.0, 1.0), (3.0, 1.0), (0.5, 0.7)])
def test_limit_solves_the_lyapunov_equation(gamma: float, exponent: float) -> None:
    V = limiting_covariance(Noise.white(U), H, Polynomial(gamma, exponent))
    M = (np.eye(3) / (2 * gamma) if exponent == 1 else 0) - H
    np.testing.assert_allclose(M @ V + V @ M.T + U, 0, atol=1e-10)


def test_too_small_a_step_names_the_smallest_that_works() -> None:
    smallest = 1 / (2 * np.linalg.eigvalsh(H)[0])
    with pytest.raises(ConfigurationError, match=f"more than 1/\\(2μ\\) = {smallest:.6g}"):
        limiting_covariance(Noise.white(U), H, Polynomial(0.5, 1.0))
    with pytest.raises(ConfigurationError, match="constant step"):
        limiting_covariance(Noise.white(U), H, Polynomial(0.5, 0.0))


def joint_recursion(
    h: float, kappa: float, b: float, step_size: StepSize, last: int
) -> tuple[float, float]:
    """E θ² and E (mean of θ)² of one mode, by the 3 × 3 matrix recursion of z = (θ, y, Σ θ)."""
    S = np.zeros((3, 3))
    for n in range(last):
        gamma, beta = float(step_size(n + 1, n + 1)[0]), min((n + 2) ** -b, 1 / kappa)
        A = np.array([[1 - gamma * h, gamma * (kappa - 1), 0], [0, 1 - beta * kappa, 0], [1, 0, 1]])
        noise = np.array([-gamma, beta, 0])
        S = A @ S @ A.T + np.outer(noise, noise)
    return float(S[0, 0]), float(S[2, 2] / last**2)


@pytest.mark.parametrize(("kappa", "b"), [(1.0, 0.8), (3.7, 0.8), (21.0, 0.6), (2.2, 1.0)])
@pytest.mark.parametrize("step_size", [Polynomial(), Polynomial(0.7, 0.7), Polynomial(9, 1, 8.5)])
def test_second_moments_are_those_of_the_joint_recursion(
    kappa: float, b: float, step_size: StepSize
) -> None:
    h, steps = np.array([0.9, 1.7]), np.array([0, 1, 50, 700])
    moments = SecondMoments.with_history(h, step_size, b, 32.0, steps)
    weights = moments.weights(np.array([kappa]))[0]
    for row, n in enumerate(steps[1:], start=1):
        for a in range(2):
            theta, average = joint_recursion(h[a], kappa, b, step_size, int(n))
            # The table is interpolated in κ, which early steps make less smooth.
            rtol = 1e-3 if n >= 50 else 0.05
            assert weights @ moments.theta[row, :, a] == pytest.approx(theta, rel=rtol)
            assert weights @ moments.average[row, :, a] == pytest.approx(
                average, rel=rtol, abs=1e-9
            )


@pytest.mark.parametrize(
    ("b", "step_size"),
    [
        (1.0, Polynomial()),
        (1.0, Polynomial(2.0, 1.0)),
        (1.0, Polynomial(2.0, 1.0, offset=500.0)),
        (0.7, Polynomial(0.8, 0.7)),
        (0.9, Polynomial()),
    ],
)
def test_the_limit_is_where_second_moments_go(b: float, step_size: StepSize) -> None:
    """Also where θ and the history move at one pace (b = a), by the joint Lyapunov equation."""
    n, kappa, h = 2_000_000, 4.0, np.array([0.9])
    moments = SecondMoments.with_history(h, step_size, b, kappa, np.array([n]))
    noise = Noise(np.ones((1, 1)), np.array([kappa]), b)
    V = limiting_covariance(noise, np.diag(h), step_size)[0, 0]
    scaled = moments.theta[0, -1, 0] / float(step_size(n, n)[0])
    # b < a is reached slowly: the history's lead over θ grows like n^(a − b).
    assert scaled == pytest.approx(V, rel=0.4 if b == 0.9 else 0.01)


@pytest.mark.parametrize("length", [1, 7, 100])
def test_recursions_in_blocks_of_any_length_give_the_bits_of_one(
    length: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    h, start, steps = np.array([0.9, 1.7, 0.2]), np.array([1.3, -0.4, 2.0]), np.array([0, 3, 210])
    for step_size in (Polynomial(), Polynomial(0.7, 0.7), Polynomial(0.1, 0.0)):

        def everything(step_size: StepSize = step_size) -> list[np.ndarray]:
            white = SecondMoments.white(h, step_size, steps)
            history = SecondMoments.with_history(h, step_size, 0.8, 32.0, steps)
            moments = [white.theta, white.average, history.theta, history.average]
            return [*moments, *left_of_start(start, h, step_size, steps)]

        monkeypatch.setattr(step_sizes, "_LONG_BLOCK", 1000)
        at_once = everything()
        monkeypatch.setattr(step_sizes, "_LONG_BLOCK", length)
        for one, many in zip(at_once, everything(), strict=True):
            assert one.tobytes() == many.tobytes()


def test_what_is_left_of_the_start_is_the_product_of_all_steps() -> None:
    """With the bits of NumPy's products and sums from step to step."""
    h, start, steps = np.array([0.9, 1.7]), np.array([1.3, -0.4]), np.array([0, 1, 2, 20_000])
    step_size = Polynomial(0.8, 0.7)
    shrink = np.cumprod(1 - step_size(1, 20_000)[:, None] * h, axis=0)
    theta = np.vstack([start, shrink * start])
    sums = np.vstack([np.zeros(2), np.cumsum(theta, axis=0)])
    left, average = left_of_start(start, h, step_size, steps)
    np.testing.assert_array_equal(left, theta[steps])
    np.testing.assert_array_equal(average, sums[steps] / np.maximum(steps, 1)[:, None])


def test_tens_of_millions_of_steps_come_to_the_closed_forms() -> None:
    """γ_n = 1/n, where h = 1 makes θ_n a mean, h = 2 a weighted one, and Φ(n, 0) is of Γ."""
    n = 20_000_000
    h, steps = np.array([1.0, 2.0, 0.3]), np.array([n // 1000, n])
    tracemalloc.start()
    moments = SecondMoments.white(h, Polynomial(), steps)
    left, average = left_of_start(np.full(3, 2.0), h, Polynomial(), steps)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 2**21  # bytes, of 16 a step if all were held
    m = steps.astype(np.float64)
    np.testing.assert_allclose(moments.theta[:, 0, 0], 1 / m, rtol=1e-8)
    np.testing.assert_allclose(moments.theta[:, 0, 1], (2 * m - 1) / (6 * m * (m - 1)), rtol=1e-8)
    # Σ_{k≤m} (H_m − H_{k−1})² = 2 m − H_m with m = n − 1.
    harmonic = digamma(m) + np.euler_gamma
    np.testing.assert_allclose(moments.average[:, 0, 0], (2 * (m - 1) - harmonic) / m**2, rtol=1e-8)
    phi = np.exp(gammaln(m + 0.7) - gammaln(0.7) - gammaln(m + 1))
    np.testing.assert_allclose(left[:, 2], 2 * phi, rtol=1e-7)
    later, _ = left_of_start(np.full(3, 2.0), h, Polynomial(offset=40.0), steps)
    phi = np.exp(gammaln(m + 40.7) - gammaln(40.7) + gammaln(41) - gammaln(m + 41))
    np.testing.assert_allclose(later[:, 2], 2 * phi, rtol=1e-7)
    mean_phi = np.exp(gammaln(m + 0.7) - gammaln(1.7) - gammaln(m)) / m
    np.testing.assert_allclose(average[:, 2], 2 * mean_phi, rtol=1e-7)


def test_a_constant_step_comes_to_the_geometric_series() -> None:
    n, gamma, h = 3_000_000, 1e-3, np.array([0.5, 2.0])
    moments = SecondMoments.white(h, Polynomial(gamma, 0.0), np.array([1000, n]))
    for row, m in enumerate((1000, n)):
        q = 1 - gamma * h
        theta = gamma**2 * (1 - q ** (2 * m)) / (1 - q**2)
        total = (m - 1) - 2 * q * (1 - q ** (m - 1)) / (1 - q)
        total += q**2 * (1 - q ** (2 * (m - 1))) / (1 - q**2)
        np.testing.assert_allclose(moments.theta[row, 0], theta, rtol=1e-9)
        np.testing.assert_allclose(moments.average[row, 0], total / h**2 / m**2, rtol=1e-9)


def test_paths_give_the_functional() -> None:
    """Σ_k Φ(n, k) γ_k g(X_k) by a double loop."""
    rng = np.random.default_rng(2)
    trials, points, d, n = 3, 5, 2, 1100
    X = rng.integers(points, size=(3000, trials), dtype=np.int32)
    g, h, step_size = rng.normal(size=(points, d)), np.array([0.8, 1.9]), Polynomial(0.6, 0.8)

    class Listed:
        """A path that is known."""

        drawn = 0

        def draw(self, out: np.ndarray) -> None:
            out[:] = X[self.drawn : self.drawn + len(out)]
            self.drawn += len(out)

    theta, average = functionals(
        along_paths(Listed(), trials, g, h, step_size, np.array([7, n])), len(h)
    )
    gamma = step_size(1, n)
    expected = np.zeros((trials, d))
    for k in range(n):
        damping = np.prod(1 - gamma[k + 1 : n, None] * h, axis=0)
        expected -= damping * gamma[k] * g[X[k]]
    np.testing.assert_allclose(theta.mean[1], expected.mean(axis=0), rtol=1e-10)
    variance = expected.var(axis=0, ddof=1).sum()
    np.testing.assert_allclose(theta.variance[1], variance, rtol=1e-10)
    states = [np.zeros((trials, d))]
    for k in range(n - 1):
        states.append((1 - gamma[k] * h) * states[-1] - gamma[k] * g[X[k]])
    means = np.mean(states, axis=0)
    np.testing.assert_allclose(average.variance[1], means.var(axis=0, ddof=1).sum(), rtol=1e-10)
    alone, unknown = functionals(
        along_paths(Listed(), trials, g, h, step_size, np.array([7, n]), averaged=False), len(h)
    )
    assert all(map(np.array_equal, alone, theta))
    assert all(np.isnan(each).all() for each in unknown)


def test_step_sizes_ahead_are_those_asked_for() -> None:
    step_size = Polynomial(0.7, 0.8)
    ahead = CachedStepSize(step_size)
    for first, last in ((1, 1), (2, 5), (1020, 1030), (1031, 5000), (3, 4), (9000, 9000)):
        np.testing.assert_array_equal(ahead(first, last), step_size(first, last))
