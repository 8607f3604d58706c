"""Objectives whose local steps are compiled kernels."""

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.kernels.compiled import Kernel
from udsgd_mpi.objectives.base import Floats, Objective, Points

# The features, labels and weights of the points, batch and the objective's parameters.
DENSE_POINTS = "float64[:, ::1], float64[::1], float64[::1], int64[::1], float64[::1]"
# With ``SparseRows`` in place of the features.
SPARSE_POINTS = (
    "Tuple((float64[::1], int32[::1], int64[::1], int64)), float64[::1], float64[::1], int64[::1],"
    " float64[::1]"
)
# θ, None, X, γ and the points, see ``Objective.descend``.
LOCAL_STEPS = "void(float64[:, :, ::1], none, int32[:, :, ::1], float64[::1], {})"
# With room for w(X) ∇F(θ, X) in place of None, see ``StepKernels``.
SLOPES = "void(float64[:, :, ::1], float64[:, :, ::1], int32[:, :, ::1], float64[::1], {})"


# γ of a step that goes up: −γ w ∇F is w ∇F.
ASCENT = np.full(1, -1.0)


class StepKernels(NamedTuple):
    """The local steps of an objective: one function, compiled for two uses.

    It takes θ, out, X, γ and the points.

    Attributes
    ----------
    descend
        out is None: θ ← θ − γ_n w(X_n) ∇F(θ, X_n) at each step, in place.
    slopes
        out ← −γ_n w(X_n) ∇F(θ, X_n) of the only step, shape (agents, trials, d); θ stays.
    """

    descend: Kernel[..., None]
    slopes: Kernel[..., None]

    def of(self, dtype: np.dtype[Any]) -> "StepKernels":
        """Those for θ of a type; in single precision a step is computed in double and rounded."""
        return _in_single(self) if dtype == np.float32 else self


@cache
def _in_single(kernels: StepKernels) -> StepKernels:
    # Made where they are wanted, as few runs want them: nobody else waits for them to be compiled.
    types = "float64[:, :, ::1]", "float32[:, :, ::1]"
    return StepKernels(*(each.with_types(*types) for each in kernels))


def steps_on(points: str) -> Callable[[Callable[..., None]], StepKernels]:
    """Make a function kernels for points of these types, ``DENSE_POINTS`` or ``SPARSE_POINTS``."""
    return lambda function: StepKernels(
        *(Kernel(function, each.format(points)) for each in (LOCAL_STEPS, SLOPES))
    )


SparseRows = tuple[Floats, NDArray[np.int32], NDArray[np.int64], int]
"""Features that are not 0, their columns, where each row begins, and the number of columns."""


class CompiledObjective(Objective, frozen=True):
    """An objective whose local steps are kernels.

    On sparse rows they are others, that read θ and the features in the same order, and so end
    with the same bits.
    """

    def kernels(self, points: Points) -> StepKernels:
        """Those for such points."""
        raise NotImplementedError

    def parameters(self, d: int) -> Floats:
        """What the kernel needs to know of the objective."""
        raise NotImplementedError

    def descend(
        self,
        theta: Floats,
        X: NDArray[np.int32],
        gamma: Floats,
        points: Points,
        batch: NDArray[np.int64],
    ) -> None:
        arguments = self.arguments(points, batch, theta.shape[-1])
        self.kernels(points).of(theta.dtype).descend(theta, None, X, gamma, *arguments)

    def slopes(
        self,
        theta: Floats,
        X: NDArray[np.int32],
        points: Points,
        batch: NDArray[np.int64],
        out: Floats,
    ) -> None:
        arguments = self.arguments(points, batch, theta.shape[-1])
        self.kernels(points).of(theta.dtype).slopes(theta, out, X[None], ASCENT, *arguments)

    def arguments(
        self, points: Points, batch: NDArray[np.int64], d: int
    ) -> tuple[Floats | SparseRows, Floats, Floats, NDArray[np.int64], Floats]:
        """What kernels take after θ, out, X and γ."""
        features = points.features
        rows = _sparse_rows(features) if points.sparse else np.asarray(features)
        return rows, points.labels, points.weights, batch, self.parameters(d)


def _sparse_rows(features: Any) -> SparseRows:
    return (
        features.data,
        features.indices.astype(np.int32, copy=False),
        features.indptr.astype(np.int64, copy=False),
        features.shape[1],
    )
