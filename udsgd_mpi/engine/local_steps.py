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
from udsgd_mpi.methods.base import ROWS, STATES
from udsgd_mpi.methods.steps import dense_moves, sparse_moves
from udsgd_mpi.objectives import CompiledObjective, Objective, Points

Floats = NDArray[np.float64]
Indices = NDArray[np.int32]


@cache
def _single(of_method: Kernel[..., None], mixed: int) -> Kernel[..., None]:
    """For θ and its slopes in single precision, and so many states that W mixes."""
    return of_method.with_types(ROWS, ROWS.replace("64", "32"), 2 + mixed)


class LocalSteps:
    """θ^i ← θ^i − γ_n w(X^i_n) ∇F_i(θ^i, X^i_n), or what a method puts in its place.

    Parameters
    ----------
    batch
        Number of points in a mini-batch of each agent, shape (agents,).
    variation
        Of the images of mini-batches, where they are varied.
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
        self._interpreted = method.interpreted
        self._move = method.move
        self._prepare, self._settle = method.prepare, method.settle
        self._of_objective: Kernel[..., None] | None = None
        if self._interpreted or self._move:
            states = method.states(iterates.theta.shape[-1])
            self._slopes = np.empty_like(iterates.theta)
            self._states = [state.name for state in states]
            self._mixed = sum(state.mixed for state in states)
            self._parameters = method.parameters
        if self._move and isinstance(objective, CompiledObjective):
            self._of_objective = objective.kernels(points).slopes

    @property
    def moves(self) -> tuple[Any, ...] | None:
        """What a kernel takes of a method with a move of its own, until the next exchange.

        See ``methods.steps``; None for other methods.
        """
        if self._move is None:
            return None
        names = self._states[:STATES]
        none = [np.empty((0, 0, 0))] * (STATES - len(names))
        memory = *(self.iterates[name] for name in names), *none
        return self._of_objective, self._move, self._slopes, memory, self._parameters

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
        elif (moves := self.moves) is None:
            descend: Callable[..., None] = objective.descend
            descend(theta, X, gamma, points, batch, **self._beside(n))
        elif isinstance(objective, CompiledObjective) and theta.dtype == np.float64:
            steps = sparse_moves if points.sparse else dense_moves
            arguments = objective.arguments(points, batch, theta.shape[-1])
            steps(*moves, n, theta, X, gamma, arguments)
        else:
            _, move, slopes, *remembered = moves
            if theta.dtype == np.float32:
                move = _single(move, self._mixed)
            slopes_of = objective.slopes
            for k, step in enumerate(gamma.tolist()):
                slopes_of(theta, X[k], points, batch, slopes, **self._beside(n + k))
                move(theta, slopes, *remembered, step, n + k + 1)

    def prepare(self) -> None:
        """Do what the method does before W mixes."""
        self._beside_mixing(self._prepare)

    def settle(self) -> None:
        """Do what it does once W has mixed."""
        self._beside_mixing(self._settle)

    @property
    def settles(self) -> bool:
        """Whether either is anything."""
        return self._prepare is not None or self._settle is not None

    def _beside_mixing(self, kernel: Kernel[..., None] | None) -> None:
        if kernel and (moves := self.moves):
            theta = self.iterates.theta
            if theta.dtype == np.float32:
                kernel = _single(kernel, self._mixed)
            kernel(theta, *moves[2:])

    @property
    def compiled(self) -> bool:
        """Whether kernels take them, in double precision and from dense rows."""
        compiled = isinstance(self.objective, CompiledObjective) and not self._interpreted
        double = self.iterates.theta.dtype == np.float64
        return compiled and double and not self.points.sparse

    @property
    def kernels(self) -> list[Kernel[..., None]]:
        """Those that take the steps of θ in single precision, one by one."""
        of_method = [each for each in (self._move, self._prepare, self._settle) if each]
        found = [_single(each, self._mixed) for each in of_method]
        if isinstance(self.objective, CompiledObjective):
            of_objective = self.objective.kernels(self.points).of(np.dtype(np.float32))
            slopes = self._move or self._interpreted
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
