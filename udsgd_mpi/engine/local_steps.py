"""The first line of the equation: what takes the local steps on iterates."""

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.data.images.augmentation import Variation
from udsgd_mpi.engine.iterates import Iterates
from udsgd_mpi.engine.states import STATISTICS
from udsgd_mpi.kernels.compiled import Kernel
from udsgd_mpi.methods import Method
from udsgd_mpi.methods.base import STATES
from udsgd_mpi.methods.steps import dense_moves, sparse_moves
from udsgd_mpi.objectives import CompiledObjective, Objective, Points

Floats = NDArray[np.float64]
Indices = NDArray[np.int32]


@cache
def _single(move: Kernel[..., None]) -> Kernel[..., None]:
    return move.with_types("float64[:, :, ::1]", "float32[:, :, ::1]", 2)  # of θ and its slopes


class LocalSteps:
    """θ^i ← θ^i − γ_n w(X^i_n) ∇F_i(θ^i, X^i_n), or what a method puts in its place.

    Parameters
    ----------
    batch
        Number of points in a mini-batch of each agent, shape (agents,).
    variation
        Of the images of mini-batches, where they are varied.

    Attributes
    ----------
    moves
        What a kernel takes of a method with a move of its own, see ``methods.steps``; None for
        others.
    """

    def __init__(
        self,
        iterates: Iterates,
        method: Method,
        objective: Objective,
        points: Points,
        batch: NDArray[np.int64],
        variation: Variation | None = None,
    ) -> None:
        self.iterates = iterates
        self.objective = objective
        self.points = points
        self.batch = batch
        self._variation = variation
        self.moves: tuple[Any, ...] | None = None
        self._interpreted = method.interpreted
        if self._interpreted:
            self._slopes = np.empty_like(iterates.theta)
            self._states = [state.name for state in method.states(iterates.theta.shape[-1])]
        elif method.move:
            slopes = np.empty_like(iterates.theta)
            names = [state.name for state in method.states(slopes.shape[-1])][:STATES]
            none = [np.empty((0, 0, 0))] * (STATES - len(names))
            memory = *(iterates[name] for name in names), *none
            of_objective = None
            if isinstance(objective, CompiledObjective):
                of_objective = objective.kernels(points).slopes
            self.moves = of_objective, method.move, slopes, memory, method.parameters

    def __call__(self, n: int, X: Indices, gamma: Floats) -> None:
        """Take as many as there are γ after the n-th; X is (steps, agents, trials)."""
        theta, objective, points, batch = (
            self.iterates.theta, self.objective, self.points, self.batch
        )  # fmt: skip
        if self._interpreted:
            slopes_of: Callable[..., None] = objective.slopes
            states = {name: self.iterates[name] for name in self._states}
            for k, step in enumerate(gamma.tolist()):
                slopes_of(theta, X[k], points, batch, self._slopes, **self._beside(n + k))
                self._interpreted(theta, self._slopes, states, step, n + k + 1)
        elif self.moves is None:
            descend: Callable[..., None] = objective.descend
            descend(theta, X, gamma, points, batch, **self._beside(n))
        elif isinstance(objective, CompiledObjective) and theta.dtype == np.float64:
            steps = sparse_moves if points.sparse else dense_moves
            arguments = objective.arguments(points, batch, theta.shape[-1])
            steps(*self.moves, n, theta, X, gamma, arguments)
        else:
            _, move, slopes, *remembered = self.moves
            if theta.dtype == np.float32:
                move = _single(move)
            slopes_of = objective.slopes
            for k, step in enumerate(gamma.tolist()):
                slopes_of(theta, X[k], points, batch, slopes, **self._beside(n + k))
                move(theta, slopes, *remembered, step, n + k + 1)

    @property
    def compiled(self) -> bool:
        """Whether kernels take them, in double precision and from dense rows."""
        compiled = isinstance(self.objective, CompiledObjective) and not self._interpreted
        double = self.iterates.theta.dtype == np.float64
        return compiled and double and not self.points.sparse

    @property
    def kernels(self) -> list[Kernel[..., None]]:
        """Those that take the steps of θ in single precision, one by one."""
        found: list[Kernel[..., None]] = [_single(self.moves[1])] if self.moves else []
        if isinstance(self.objective, CompiledObjective):
            of_objective = self.objective.kernels(self.points).of(np.dtype(np.float32))
            slopes = self.moves or self._interpreted
            found.append(of_objective.slopes if slopes else of_objective.descend)
        return found

    def _beside(self, n: int) -> dict[str, Any]:
        """What a network's steps after n take beside θ and the points."""
        found: dict[str, Any] = {}
        if STATISTICS in self.iterates.names:
            found["statistics"] = self.iterates[STATISTICS]
        if self._variation is not None:
            found["variation"] = self._variation._replace(n=n)
        return found
