"""Objectives: value, gradient, Hessian, local steps and minimiser agree with each other."""

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression

from tests import reference
from udsgd_mpi.objectives import (
    Custom,
    Logistic,
    Objective,
    Points,
    Quadratic,
    Ridge,
    Softmax,
)
from udsgd_mpi.objectives.exponential import exp
from udsgd_mpi.objectives.minimizer import minimum
from udsgd_mpi.problem import LoneTeam
from udsgd_mpi.problem.mean_objective import MeanObjective
from udsgd_mpi.support.errors import ConfigurationError

ONE = np.ones(9, dtype=np.int64)


def minimizer(objective: Objective, points: Points) -> np.ndarray:
    """θ* of the weighted sum over the points."""
    classes = len(np.unique(points.labels)) if objective.classifies else 0
    d = objective.dimension(points.features.shape[1], classes)
    return minimum(MeanObjective(objective, [points], LoneTeam(1), d)).theta


def row(points: Points, x: int) -> Points:
    """One point with its weight."""
    one = slice(x, x + 1)
    return Points(points.features[one], points.labels[one], points.weights[one])


class ObjectiveContract:
    """What every objective promises; a subclass names one and makes labels for it."""

    objective: Objective

    def labels(self, rng: np.random.Generator, points: int) -> np.ndarray:
        raise NotImplementedError

    @pytest.fixture
    def points(self) -> Points:
        rng = np.random.default_rng(5)
        raw = self.labels(rng, 40)
        labels = self.objective.encode(raw, np.unique(raw))
        return Points(rng.normal(size=(40, 6)), labels, rng.uniform(0.5, 2, size=40))

    @pytest.fixture
    def theta(self, points: Points) -> np.ndarray:
        d = self.objective.dimension(points.features.shape[1], len(np.unique(points.labels)))
        return np.random.default_rng(6).normal(size=d)

    def test_gradient_is_the_slope_of_value(self, points: Points, theta: np.ndarray) -> None:
        step = 1e-5
        slopes = [
            (self.objective.value(theta + e, points) - self.objective.value(theta - e, points))
            / (2 * step)
            for e in step * np.eye(len(theta))
        ]
        np.testing.assert_allclose(self.objective.gradient(theta, points), slopes, rtol=1e-7)

    def test_hessian_is_the_slope_of_gradient(self, points: Points, theta: np.ndarray) -> None:
        step = 1e-5
        slopes = [
            (
                self.objective.gradient(theta + e, points)
                - self.objective.gradient(theta - e, points)
            )
            / (2 * step)
            for e in step * np.eye(len(theta))
        ]
        np.testing.assert_allclose(self.objective.hessian(theta, points), slopes, rtol=1e-6)

    def test_product_is_the_hessian_times_a_direction(
        self, points: Points, theta: np.ndarray
    ) -> None:
        direction = np.random.default_rng(7).normal(size=len(theta))
        np.testing.assert_allclose(
            self.objective.product(theta, direction, points),
            self.objective.hessian(theta, points) @ direction,
            rtol=1e-7,
            atol=1e-7,
        )
        assert not self.objective.product(theta, 0 * direction, points).any()

    def test_a_local_step_follows_the_gradient_of_its_point(
        self, points: Points, theta: np.ndarray
    ) -> None:
        start = np.stack([theta, -theta, 0 * theta])[None]
        X = np.array([[[3, 0, 39]], [[7, 7, 1]]], dtype=np.int32)
        gamma = np.array([0.3, 0.1])
        got = start.copy()
        self.objective.descend(got, X, gamma, points, ONE[:1])
        for t in range(3):
            expected = start[0, t]
            for n in range(2):
                point = row(points, X[n, 0, t])
                expected = expected - gamma[n] * self.objective.gradient(expected, point)
            np.testing.assert_allclose(got[0, t], expected, rtol=1e-13, atol=1e-15)

    def test_slopes_are_what_a_local_step_follows(self, points: Points, theta: np.ndarray) -> None:
        start = np.stack([theta, -theta, 0 * theta])[None]
        X, batch = np.array([[[3, 0, 36]]], dtype=np.int32), np.array([4])
        moved, slopes = start.copy(), np.full_like(start, np.nan)
        self.objective.descend(moved, X, np.array([0.25]), points, batch)
        self.objective.slopes(start, X[0], points, batch, slopes)
        np.testing.assert_allclose(start - 0.25 * slopes, moved, rtol=1e-13, atol=1e-14)
        np.testing.assert_array_equal(start[0], [theta, -theta, 0 * theta])

    def test_a_mini_batch_is_the_mean_of_its_points(
        self, points: Points, theta: np.ndarray
    ) -> None:
        batch = np.array([4, 1])
        points = Points(points.features, points.labels, np.repeat(points.weights[:10], 4))
        X = np.array([[[36, 0], [5, 39]], [[8, 8], [6, 1]]], dtype=np.int32)
        gamma = np.array([0.3, 0.1])
        got = np.tile(theta, (2, 2, 1))
        self.objective.descend(got, X, gamma, points, batch)
        for i in range(2):
            for t in range(2):
                expected = theta
                for n in range(2):
                    rows = range(X[n, i, t], X[n, i, t] + batch[i])
                    slopes = [self.objective.gradient(expected, row(points, x)) for x in rows]
                    expected = expected - gamma[n] * np.mean(slopes, axis=0)
                np.testing.assert_allclose(got[i, t], expected, rtol=1e-12, atol=1e-14)

    def test_a_local_step_has_the_same_bits_in_any_company(
        self, points: Points, theta: np.ndarray
    ) -> None:
        rng = np.random.default_rng(1)
        X = rng.integers(0, 40, size=(5, 3, 9), dtype=np.int32)
        together = np.tile(theta, (3, 9, 1))
        self.objective.descend(together, X, np.full(5, 0.1), points, ONE[:3])
        alone = theta.reshape(1, 1, -1).copy()
        for n in range(5):
            last = X[n : n + 1, 2:, 8:].copy()
            self.objective.descend(alone, last, np.full(1, 0.1), points, ONE[:1])
        np.testing.assert_array_equal(alone[0, 0], together[2, 8])

    def test_minimizer_has_no_gradient(self, points: Points) -> None:
        theta = minimizer(self.objective, points)
        scale = abs(points.features).sum()
        assert abs(self.objective.gradient(theta, points)).max() < 1e-14 * scale


class TestLogistic(ObjectiveContract):
    objective = Logistic(l2=0.3)

    def labels(self, rng: np.random.Generator, points: int) -> np.ndarray:
        return rng.choice([-1.0, 1.0], size=points)

    def test_gradient_is_equation_15(self, points: Points, theta: np.ndarray) -> None:
        expected = sum(
            w * reference.logistic_gradient(theta, x, y, 0.3)
            for x, y, w in zip(points.features, points.labels, points.weights, strict=True)
        )
        np.testing.assert_allclose(self.objective.gradient(theta, points), expected, rtol=1e-12)

    def test_far_from_the_data_nothing_overflows(self, points: Points) -> None:
        theta = np.full((1, 1, 6), 1e4)
        X = np.arange(40, dtype=np.int32).reshape(40, 1, 1)
        self.objective.descend(theta, X, np.full(40, 1e-3), points, ONE[:1])
        assert np.isfinite(theta).all()

    @pytest.mark.parametrize("labels", [[0, 1, 2], [1, 1, 1]])
    def test_labels_must_be_two_classes(self, labels: list[float]) -> None:
        with pytest.raises(ConfigurationError, match="expected two classes"):
            self.objective.encode(np.array(labels, dtype=float), np.unique(labels))


class TestRidge(ObjectiveContract):
    objective = Ridge(l2=0.3)

    def labels(self, rng: np.random.Generator, points: int) -> np.ndarray:
        return rng.normal(size=points)

    def test_minimizer_is_the_closed_form(self, points: Points) -> None:
        x, y, w = points.features, points.labels, points.weights
        expected = np.linalg.solve((x.T * w) @ x + 0.3 * w.sum() * np.eye(6), x.T @ (w * y))
        np.testing.assert_allclose(minimizer(self.objective, points), expected, rtol=1e-12)


class TestSoftmax(ObjectiveContract):
    objective = Softmax(l2=0.3)

    def labels(self, rng: np.random.Generator, points: int) -> np.ndarray:
        return rng.choice([2.0, 5.0, 7.0], size=points)

    def test_two_classes_are_logistic_regression(self) -> None:
        # θ_1 − θ_0 of softmax with κ is θ of logistic regression with κ/2.
        rng = np.random.default_rng(3)
        points = Points(rng.normal(size=(40, 4)), rng.integers(0, 2, 40) * 1.0, np.ones(40))
        pair = minimizer(Softmax(l2=0.2), points).reshape(2, 4)
        one = minimizer(Logistic(l2=0.1), points)
        np.testing.assert_allclose(pair[1] - pair[0], one, rtol=1e-10)

    def test_labels_must_be_classes(self) -> None:
        with pytest.raises(ConfigurationError, match="whole numbers of two classes"):
            self.objective.encode(np.array([0.5, 1.0]), np.array([0.5, 1.0]))


class TestQuadratic(ObjectiveContract):
    objective = Quadratic(condition=9.0)

    def labels(self, rng: np.random.Generator, points: int) -> np.ndarray:
        return np.zeros(points)

    def test_minimizer_is_the_weighted_mean(self, points: Points) -> None:
        expected = np.average(points.features, axis=0, weights=points.weights)
        np.testing.assert_allclose(minimizer(self.objective, points), expected, rtol=1e-12)


class TestCustom(TestRidge):
    """A user's class, here ridge regression once more."""

    objective = Custom(path="tests.own_objective:OwnRidge", arguments={"l2": 0.3})

    def test_hessian_is_the_slope_of_gradient(self, points: Points, theta: np.ndarray) -> None:
        np.testing.assert_allclose(
            self.objective.hessian(theta, points),
            Ridge(l2=0.3).hessian(theta, points),
            rtol=1e-7,
            atol=1e-7,
        )

    @pytest.mark.parametrize("path", ["nowhere:Own", "tests.own_objective:Other", "tests"])
    def test_a_class_that_is_not_there(self, path: str) -> None:
        with pytest.raises(ConfigurationError, match='expected "module:Class"'):
            Custom(path=path).encode(np.zeros(3), np.empty(0))


def test_minimizer_equals_scikit_learns() -> None:
    features, labels = load_breast_cancer(return_X_y=True)
    features = (features - features.mean(axis=0)) / features.std(axis=0)
    rows = len(labels)
    points = Points(features, labels.astype(float), np.full(rows, 1 / rows))
    model = LogisticRegression(C=1 / rows, fit_intercept=False, tol=1e-12, max_iter=10_000)
    model.fit(features, labels)
    np.testing.assert_allclose(
        minimizer(Logistic(l2=1.0), points), model.coef_[0], rtol=0, atol=1e-8
    )


def test_separable_data_have_no_minimizer_without_ridge() -> None:
    points = Points(np.array([[1.0], [-1.0]]), np.array([1.0, 0.0]), np.full(2, 0.5))
    with pytest.raises(ArithmeticError):
        minimizer(Logistic(l2=0.0), points)


def test_the_exponential_is_numpys_to_a_few_units_in_the_last_place() -> None:
    x = np.concatenate([np.linspace(-708, 708, 100_001), np.linspace(-1, 1, 10_001), [0.0]])
    got = np.array([exp(value) for value in x])
    np.testing.assert_allclose(got, np.exp(x), rtol=4.5e-16)
    assert exp(0.0) == 1
    assert exp(1e300) == exp(708.0) < np.inf
    assert exp(-1e300) == exp(-708.0) > 0
