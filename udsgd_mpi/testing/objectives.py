"""What every objective has to keep."""

from functools import cached_property
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.objectives import Objective, Points
from udsgd_mpi.objectives.minimizer import MinimizerError, Minimum, minimum
from udsgd_mpi.problem import LoneTeam
from udsgd_mpi.problem.mean_objective import MeanObjective
from udsgd_mpi.testing.contract import ContractError, require, require_close, require_same
from udsgd_mpi.testing.runs import RunContract, as_settings

Floats = NDArray[np.float64]

_POINTS, _FEATURES = 40, 6
_STEP = 1e-5  # of difference quotients
_ONE = np.ones(9, dtype=np.int64)


class _Case(NamedTuple):
    points: Points
    theta: Floats


class ObjectiveContract(RunContract):
    """Value, gradient, Hessian, local steps and minimiser that belong to one function.

    Attributes
    ----------
    objective
        The member.
    rounding
        Relative error of a second derivative.
    """

    basis = "test_the_gradient_is_the_slope_of_value"
    objective: ClassVar[Objective]
    rounding: ClassVar[float] = 1e-6

    def settings(self) -> dict[str, Any]:
        return {"objective": as_settings(self.objective)}

    def labels(self, rng: np.random.Generator, points: int) -> Floats:
        """Labels that fit the objective, shape (points,)."""
        return rng.integers(0, 2, size=points).astype(np.float64)

    @cached_property
    def points(self) -> Points:
        """Points to try it on, with weights from ½ to 2."""
        rng = np.random.default_rng(5)
        raw = self.labels(rng, _POINTS)
        labels = self.objective.encode(raw, np.unique(raw))
        features = rng.normal(size=(_POINTS, _FEATURES))
        return Points(features, labels, rng.uniform(0.5, 2, size=_POINTS))

    @cached_property
    def d(self) -> int:
        """Number of parameters."""
        return self.objective.dimension(_FEATURES, len(np.unique(self.points.labels)))

    @cached_property
    def theta(self) -> Floats:
        """Parameters to try it at, shape (d,)."""
        return np.random.default_rng(6).normal(size=self.d)

    def minimum(self) -> Minimum:
        """θ* of the weighted sum over the points."""
        return minimum(MeanObjective(self.objective, [self.points], LoneTeam(1), self.d))

    def test_the_gradient_is_the_slope_of_value(self) -> None:
        objective, points, theta = self.objective, self.points, self.theta
        objective.check(points, self.d, 0, thorough=True)
        slopes = [
            (objective.value(theta + e, points) - objective.value(theta - e, points)) / (2 * _STEP)
            for e in _STEP * np.eye(self.d)
        ]
        require_close(
            objective.gradient(theta, points),
            np.array(slopes),
            "component {} of the gradient",
            "correct gradient, or value: they belong to different functions",
            relative=1e-7,
            absolute=1e-9 * np.abs(slopes).max(),
        )

    def test_the_hessian_is_the_slope_of_the_gradient(self) -> None:
        objective, points, theta = self.objective, self.points, self.theta
        slopes = [
            (objective.gradient(theta + e, points) - objective.gradient(theta - e, points))
            / (2 * _STEP)
            for e in _STEP * np.eye(self.d)
        ]
        require_close(
            objective.hessian(theta, points),
            np.array(slopes),
            "entry {} of the Hessian",
            "gradient is not smooth there, or the Hessian is that of another function",
            relative=self.rounding,
            absolute=self.rounding * np.abs(slopes).max(),
        )

    def test_the_product_is_the_hessian_times_a_direction(self) -> None:
        direction = np.random.default_rng(7).normal(size=self.d)
        expected = self.objective.hessian(self.theta, self.points) @ direction
        require_close(
            self.objective.product(self.theta, direction, self.points),
            expected,
            "component {} of the Hessian times a direction",
            "correct product, or hessian",
            relative=self.rounding,
            absolute=self.rounding * np.abs(expected).max(),
        )
        nothing = self.objective.product(self.theta, 0 * direction, self.points)
        require_same(nothing, 0 * direction, "component {} of the Hessian times 0", "return 0")

    def test_a_local_step_follows_the_gradient_of_its_point(self) -> None:
        start = np.stack([self.theta, -self.theta, 0 * self.theta])[None]
        X = np.array([[[3, 0, 39]], [[7, 7, 1]]], dtype=np.int32)
        gamma = np.array([0.3, 0.1])
        got = start.copy()
        self.objective.descend(got, X, gamma, self.points, _ONE[:1])
        for t in range(3):
            expected = start[0, t]
            for n in range(2):
                point = self.points.take(X[n, 0, t : t + 1].astype(np.int64))
                expected = expected - gamma[n] * self.objective.gradient(expected, point)
            require_close(
                got[0, t],
                expected,
                f"θ{{}} of trial {t} after two local steps",
                "descend takes θ − γ w(X) ∇F(θ, X)",
                relative=1e-12,
                absolute=1e-14,
            )

    def test_slopes_are_what_a_local_step_follows(self) -> None:
        start = np.stack([self.theta, -self.theta, 0 * self.theta])[None]
        X, batch = np.array([[[3, 0, 36]]], dtype=np.int32), np.array([4])
        moved, slopes, kept = start.copy(), np.full_like(start, np.nan), start.copy()
        self.objective.descend(moved, X, np.array([0.25]), self.points, batch)
        self.objective.slopes(kept, X[0], self.points, batch, slopes)
        require_close(
            start - 0.25 * slopes,
            moved,
            "θ{} after a step along slopes",
            "slopes and descend belong to different gradients",
            relative=1e-13,
            absolute=1e-14,
        )
        require_same(kept, start, "θ{} of which slopes were asked", "leave it as it is")

    def test_a_mini_batch_is_the_mean_of_its_points(self) -> None:
        batch, points = np.array([4, 1]), self.points
        points = Points(points.features, points.labels, np.repeat(points.weights[:10], 4))
        X = np.array([[[36, 0], [5, 39]]], dtype=np.int32)
        start = np.tile(self.theta, (2, 2, 1))

        def moved(first: NDArray[np.int32], size: NDArray[np.int64]) -> Floats:
            theta = start.copy()
            self.objective.descend(theta, first, np.array([0.3]), points, size)
            return theta

        got = moved(X, batch)
        for i in range(2):
            alone = [moved(np.minimum(X + r, 39), _ONE[:2])[i] for r in range(batch[i])]
            require_close(
                got[i],
                np.mean(alone, axis=0),
                f"θ{{}} after a step on mini-batches of {batch[i]}",
                "the gradient of a mini-batch is the mean over its points",
                relative=1e-12,
                absolute=1e-14,
            )

    def test_a_local_step_has_the_same_bits_in_any_company(self) -> None:
        rng = np.random.default_rng(1)
        X = rng.integers(0, _POINTS, size=(5, 3, 9), dtype=np.int32)
        together = np.tile(self.theta, (3, 9, 1))
        self.objective.descend(together, X, np.full(5, 0.1), self.points, _ONE[:3])
        alone = self.theta.reshape(1, 1, -1).copy()
        for n in range(5):
            last = X[n : n + 1, 2:, 8:].copy()
            self.objective.descend(alone, last, np.full(1, 0.1), self.points, _ONE[:1])
        require_same(
            together[2, 8],
            alone[0, 0],
            "θ{} of an agent and trial, stepped at once with others instead of alone",
            "sum over parameters in the same order for any number of trials: (a * b).sum(axis=1),"
            " not a @ b",
        )

    def test_the_minimizer_has_no_gradient(self) -> None:
        if not self.objective.has_minimizer:
            return
        try:
            theta = self.minimum().theta
        except MinimizerError as error:
            raise ContractError(f"θ*: expected one minimiser, got none: {error}") from error
        length = np.abs(self.objective.gradient(theta, self.points)).max()
        precision = self.objective.precision(self.points, self.d).gradient
        allowed = 50 * precision * np.abs(self.points.features).sum()
        require(
            length < allowed,
            f"‖∇f‖ at θ*: expected less than {allowed:.2g}, got {length:.2g}; f is not"
            " smooth there",
        )
