"""Without a Hessian θ* and the curvature of f are what they are with it."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from udsgd_mpi.objectives import Custom, Logistic, Objective, Points, Quadratic, Ridge, Softmax
from udsgd_mpi.objectives.minimizer import MinimizerError, Precision, minimum
from udsgd_mpi.objectives.wide_minimizer import wide_minimum
from udsgd_mpi.problem import LoneTeam
from udsgd_mpi.problem.mean_objective import MeanObjective


def mean_objective(objective: Objective, points: Points) -> MeanObjective:
    classes = len(np.unique(points.labels)) if objective.classifies else 0
    d = objective.dimension(points.features.shape[1], classes)
    return MeanObjective(objective, [points], LoneTeam(1), d)


def some_points(rows: int, features: int) -> Points:
    rng = np.random.default_rng(4)
    x = rng.normal(size=(rows, features)) * rng.uniform(0.1, 3, size=features)
    return Points(x, rng.integers(0, 2, rows).astype(float), np.full(rows, 1 / rows))


@pytest.mark.parametrize(
    "objective",
    [
        Logistic(l2=0.01),
        Logistic(l2=1e-5),
        Ridge(l2=0.3),
        Softmax(l2=0.1),
        Quadratic(condition=1.0),
        Quadratic(condition=100.0),
        Custom(path="tests.own_objective:OwnRidge", arguments={"l2": 0.3}),
    ],
    ids=str,
)
@pytest.mark.parametrize("rows", [20, 150])
def test_both_ways_find_the_same(objective: Objective, rows: int) -> None:
    f = mean_objective(objective, some_points(rows, 40))
    expected, found = minimum(f), wide_minimum(f)
    np.testing.assert_allclose(found.theta, expected.theta, rtol=0, atol=1e-10)
    assert found.smallest_curvature == pytest.approx(expected.smallest_curvature, rel=1e-5)
    assert found.largest_curvature == pytest.approx(expected.largest_curvature, rel=1e-7)
    assert found.gradient_norm < 1e-12
    assert found.hessian is None


def test_theta_star_of_5390_features_is_scikit_learns() -> None:
    rows, features = 60, 5390
    points = some_points(rows, features)
    model = LogisticRegression(
        C=1 / (0.1 * rows), fit_intercept=False, tol=1e-14, max_iter=1000, solver="newton-cg"
    )
    model.fit(points.features, points.labels)
    found = wide_minimum(mean_objective(Logistic(l2=0.1), points))
    expected = model.coef_[0]
    assert np.linalg.norm(found.theta - expected) < 1e-8 * np.linalg.norm(expected)
    # With fewer points than features the data leave directions in which l2 alone bends f.
    assert found.smallest_curvature == pytest.approx(0.1, rel=1e-6)


def test_flat_directions_are_refused() -> None:
    with pytest.raises(MinimizerError, match="flat in some direction") as refused:
        wide_minimum(mean_objective(Ridge(l2=0.0), some_points(20, 40)))
    assert refused.value.convex


def test_separable_data_are_refused() -> None:
    points = Points(np.array([[1.0, 0], [-1, 1]]), np.array([1.0, 0]), np.full(2, 0.5))
    with pytest.raises(MinimizerError):
        wide_minimum(mean_objective(Logistic(l2=0.0), points))


class Bent:
    """½ Σ_k h_k (θ_k − 1)²."""

    def __init__(self, *curvatures: float) -> None:
        self.d = len(curvatures)
        self.precision = Precision(1e-16, 1e-16)
        self._h = np.array(curvatures)

    def value(self, theta: np.ndarray) -> float:
        return float(self._h @ (theta - 1) ** 2 / 2)

    def gradient(self, theta: np.ndarray) -> np.ndarray:
        return self._h * (theta - 1)

    def product(self, theta: np.ndarray, direction: np.ndarray) -> np.ndarray:
        return self._h * direction


@pytest.mark.parametrize("curvatures", [(-1.0, -2.0, -3.0), (3.0, 2.0, -1.0)])
def test_what_is_not_convex_is_refused(curvatures: tuple[float, ...]) -> None:
    with pytest.raises(MinimizerError, match=r"f (has a|curves downwards)") as refused:
        wide_minimum(Bent(*curvatures))
    assert not refused.value.convex
