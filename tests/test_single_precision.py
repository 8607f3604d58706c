"""θ in single precision: a step is one in double precision, rounded; errors stay what they are."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mpi4py import MPI

from tests.small_problem import problem, write_points
from udsgd_mpi.experiment.check import one_of
from udsgd_mpi.objectives import AnyObjective, Objective, Points
from udsgd_mpi.parallel.simulate import simulate

OBJECTIVES = [
    {"kind": "logistic", "l2": 0.3},
    {"kind": "ridge", "l2": 0.3},
    {"kind": "softmax", "l2": 0.3},
    {"kind": "quadratic", "condition": 3.0},
    {"kind": "custom", "path": "tests.own_objective:OwnRidge"},
]
SINGLE = np.dtype(np.float32)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_points(tmp_path_factory.mktemp("data") / "small.svm")


def objective_of(settings: dict[str, Any]) -> Objective:
    found: Objective = one_of(AnyObjective, settings, "objective")
    return found


def some_points(*, sparse: bool) -> Points:
    from scipy.sparse import csr_array

    rng = np.random.default_rng(4)
    features = rng.normal(size=(12, 6)) * (rng.random((12, 6)) < 0.5)
    labels = rng.integers(0, 2, 12).astype(float)
    return Points(csr_array(features) if sparse else features, labels, rng.uniform(1, 2, 12))


@pytest.mark.parametrize("sparse", [False, True], ids=["dense", "sparse"])
@pytest.mark.parametrize("settings", OBJECTIVES, ids=lambda settings: settings["kind"])
def test_a_step_is_that_in_double_precision_rounded(
    settings: dict[str, Any], *, sparse: bool
) -> None:
    objective, points = objective_of(settings), some_points(sparse=sparse)
    d = objective.dimension(6, 2)
    rng = np.random.default_rng(5)
    single = rng.normal(size=(2, 3, d)).astype(SINGLE)
    double = single.astype(np.float64)
    X, batch = rng.integers(0, 12, (1, 2, 3)).astype(np.int32), np.ones(2, dtype=np.int64)
    slopes, expected = np.empty_like(single), np.empty_like(double)
    objective.slopes(single, X[0], points, batch, slopes)
    objective.slopes(double, X[0], points, batch, expected)
    # What is not zero in dense points is moved once, in sparse ones twice.
    rtol = 2e-7 if sparse else 0
    np.testing.assert_allclose(slopes, expected.astype(SINGLE), rtol=rtol, atol=rtol)
    objective.descend(single, X, np.array([0.1]), points, batch)
    objective.descend(double, X, np.array([0.1]), points, batch)
    np.testing.assert_allclose(single, double.astype(SINGLE), rtol=rtol, atol=rtol)


@pytest.mark.parametrize(
    ("settings", "others"),
    [
        *((settings, {}) for settings in OBJECTIVES),
        (OBJECTIVES[0], {"method": {"kind": "momentum", "beta": 0.5}}),
        (OBJECTIVES[0], {"communication": {"kind": "dsgd", "interval": 2}}),
        (OBJECTIVES[0], {"communication": {"kind": "lsgd_pp", "participants": 2}}),
    ],
    ids=lambda value: value.get("kind") or "-".join(value),
)
def test_errors_are_those_in_double_precision(
    settings: dict[str, Any], others: dict[str, Any], data: Path
) -> None:
    """The MSE within a thousandth, on the same paths."""
    errors = {}
    for dtype in ("float64", "float32"):
        posed = problem(data, "srw", objective=settings, dtype=dtype, trials=50, **others)
        recording = simulate(MPI.COMM_SELF, posed, lambda _: None)
        assert recording is not None
        errors[dtype] = recording["squared_error"], recording["averaged_squared_error"]
        mean = recording["theta_mean"]
        assert (mean == mean.astype(SINGLE)).all() == (dtype == "float32")
    for single, double in zip(errors["float32"], errors["float64"], strict=True):
        means = single.mean(axis=1), double.mean(axis=1)
        np.testing.assert_allclose(*means, rtol=1e-3)
        assert (single != double).any()
