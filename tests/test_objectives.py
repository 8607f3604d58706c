"""Objectives: value, gradient, Hessian, local steps and minimiser agree with each other."""

import numpy as np
import pytest
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegression

from tests import reference
from tests.contracts import WithoutRuns
from tests.own_objective import RowsOfRidge
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
from udsgd_mpi.objectives.own_slopes import OwnSlopes
from udsgd_mpi.problem import LoneTeam
from udsgd_mpi.problem.mean_objective import MeanObjective
from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.testing import ObjectiveContract

ONE = np.ones(1, dtype=np.int64)


def minimizer(objective: Objective, points: Points) -> np.ndarray:
    """θ* of the weighted sum over the points."""
    classes = len(np.unique(points.labels)) if objective.classifies else 0
    d = objective.dimension(points.features.shape[1], classes)
    return minimum(MeanObjective(objective, [points], LoneTeam(1), d)).theta


class OwnContract(WithoutRuns, ObjectiveContract):
    """The same, without runs."""


class TestLogistic(OwnContract):
    objective = Logistic(l2=0.3)

    def labels(self, rng: np.random.Generator, points: int) -> np.ndarray:
        return rng.choice([-1.0, 1.0], size=points)

    def test_gradient_is_equation_15(self) -> None:
        points, theta = self.points, self.theta
        expected = sum(
            w * reference.logistic_gradient(theta, x, y, 0.3)
            for x, y, w in zip(points.features, points.labels, points.weights, strict=True)
        )
        np.testing.assert_allclose(self.objective.gradient(theta, points), expected, rtol=1e-12)

    def test_far_from_the_data_nothing_overflows(self) -> None:
        theta = np.full((1, 1, 6), 1e4)
        X = np.arange(40, dtype=np.int32).reshape(40, 1, 1)
        self.objective.descend(theta, X, np.full(40, 1e-3), self.points, ONE)
        assert np.isfinite(theta).all()

    @pytest.mark.parametrize(
        ("labels", "got"), [([0, 1, 2], r"more than two \(0, 1, 2\)"), ([1, 1, 1], r"1 \(1\)")]
    )
    def test_labels_must_be_two_classes(self, labels: list[float], got: str) -> None:
        with pytest.raises(ConfigurationError, match=f"expected two classes.* got {got}"):
            self.objective.encode(np.array(labels, dtype=float), np.unique(labels))


class TestRidge(OwnContract):
    objective = Ridge(l2=0.3)

    def labels(self, rng: np.random.Generator, points: int) -> np.ndarray:
        return rng.normal(size=points)

    def test_minimizer_is_the_closed_form(self) -> None:
        x, y, w = self.points.features, self.points.labels, self.points.weights
        expected = np.linalg.solve((x.T * w) @ x + 0.3 * w.sum() * np.eye(6), x.T @ (w * y))
        np.testing.assert_allclose(self.minimum().theta, expected, rtol=1e-12)


class TestSoftmax(OwnContract):
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


class TestQuadratic(OwnContract):
    objective = Quadratic(condition=9.0)

    def labels(self, rng: np.random.Generator, points: int) -> np.ndarray:
        return np.zeros(points)

    def test_minimizer_is_the_weighted_mean(self) -> None:
        expected = np.average(self.points.features, axis=0, weights=self.points.weights)
        np.testing.assert_allclose(self.minimum().theta, expected, rtol=1e-12)


class TestCustom(TestRidge):
    """A user's class, here ridge regression once more."""

    objective = Custom(path="tests.own_objective:OwnRidge", arguments={"l2": 0.3})

    def test_hessian_is_ridges(self) -> None:
        np.testing.assert_allclose(
            self.objective.hessian(self.theta, self.points),
            Ridge(l2=0.3).hessian(self.theta, self.points),
            rtol=1e-7,
            atol=1e-7,
        )

    @pytest.mark.parametrize("path", ["nowhere:Own", "tests.own_objective:Other", "tests"])
    def test_a_class_that_is_not_there(self, path: str) -> None:
        with pytest.raises(ConfigurationError, match='expected "module:Class"'):
            Custom(path=path).encode(np.zeros(3), np.empty(0))


class TestCustomByRows(TestCustom):
    """The same with one call for all agents."""

    objective = Custom(path="tests.own_objective:RowsOfRidge", arguments={"l2": 0.3})


@pytest.mark.parametrize("rowwise", [False, True])
@pytest.mark.parametrize("most", [2**22, 50, 1])
def test_points_of_a_mini_batch_are_summed_in_order(
    rowwise: bool, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """To the bit, however many rows a call takes."""
    monkeypatch.setattr("udsgd_mpi.objectives.own_slopes._MOST_NUMBERS", most)
    rng = np.random.default_rng(3)
    points = Points(rng.normal(size=(60, 4)), rng.normal(size=60), rng.uniform(0.5, 2, size=60))
    own, calls = RowsOfRidge(l2=0.3), []

    def gradient(theta: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        calls.append(len(theta))
        return own.gradient(theta, x, y)

    batch, theta = np.array([5, 5, 1, 7, 7]), rng.normal(size=(5, 3, 4))
    X = rng.integers(0, 50, size=(5, 3)).astype(np.int32)
    got = np.empty_like(theta)
    OwnSlopes(gradient, "mine", points, batch, rowwise=rowwise)(theta, X, 0.7, got)
    for i, size in enumerate(batch.tolist()):
        rows = X[i]
        slopes = sum(
            own.gradient(theta[i], points.features[rows + r], points.labels[rows + r])
            for r in range(size)
        )
        np.testing.assert_array_equal(got[i], 0.7 / size * points.weights[rows, None] * slopes)
    if most == 2**22:
        assert calls == ([2 * 3 * 5, 3, 2 * 3 * 7] if rowwise else [15, 15, 3, 21, 21])


def test_a_slope_of_another_shape_is_the_users_to_mend() -> None:
    points = Points(np.ones((4, 2)), np.ones(4), np.ones(4))
    slopes = OwnSlopes(lambda *_: np.ones(3), "mine", points, np.ones(1, np.int64), rowwise=False)
    with pytest.raises(ConfigurationError, match=r"mine: expected .* \(3, 2\) of gradient.*\(3,\)"):
        slopes(np.ones((1, 3, 2)), np.zeros((1, 3), np.int32), 1.0, np.ones((1, 3, 2)))


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
