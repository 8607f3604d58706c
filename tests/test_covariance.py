"""The covariance test keeps its level, and sees what is not so."""

import numpy as np
import pytest

from udsgd_mpi.analysis.covariance import against_limit, empirical_covariance

V = np.array([[2.0, 0.5, 0.0], [0.5, 1.0, 0.0], [0.0, 0.0, 0.0]])
GAMMA = 0.01


def draws(rng: np.random.Generator, trials: int, factor: float = 1.0) -> np.ndarray:
    return rng.multivariate_normal(np.ones(3), factor * GAMMA * V, size=trials)


def test_empirical_covariance_is_numpys() -> None:
    theta = np.random.default_rng(1).normal(size=(40, 3))
    np.testing.assert_allclose(empirical_covariance(theta), np.cov(theta.T), rtol=1e-12)


def test_p_values_are_uniform_under_the_limit() -> None:
    # 2,000 tests: the share below 0.1 has standard error 0.0067.
    rng = np.random.default_rng(2)
    tests = [against_limit(draws(rng, 30), V, GAMMA) for _ in range(2000)]
    p = np.array([test.p_value for test in tests if test])
    assert len(p) == 2000
    assert abs((p < 0.1).mean() - 0.1) < 4 * 0.0067
    assert abs(np.mean([test.ratio for test in tests if test]) - 1) < 4 * 0.1857 / np.sqrt(2000)


@pytest.mark.parametrize("factor", [0.7, 1.4])
def test_another_covariance_is_seen(factor: float) -> None:
    test = against_limit(draws(np.random.default_rng(3), 500, factor), V, GAMMA)
    assert test is not None
    assert test.p_value < 1e-4
    assert test.ratio == pytest.approx(factor, rel=0.15)


def test_nothing_is_said_without_a_limit() -> None:
    theta = draws(np.random.default_rng(4), 5)
    assert against_limit(theta[:1], V, GAMMA) is None
    assert against_limit(theta, np.full((3, 3), np.nan), GAMMA) is None
    assert against_limit(theta, np.zeros((3, 3)), GAMMA) is None
