"""Measures of models that walk over the agents."""

from collections.abc import Callable

import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray

from udsgd_mpi.engine.measures import Recording
from udsgd_mpi.kernels.agent_sums import mean_over_agents, squared_distances
from udsgd_mpi.objectives.base import Numbers
from udsgd_mpi.parallel.collective import on_root
from udsgd_mpi.parallel.losses import Losses
from udsgd_mpi.parallel.recorder import check_losses, remedy_of, squared_error
from udsgd_mpi.problem import Problem
from udsgd_mpi.support.errors import ConfigurationError

Floats = NDArray[np.float64]


class ModelsRecorder:
    """Fills a Recording on rank 0, as ``Recorder`` does, with means over walks in their order.

    What agents are to other patterns walks are here: θ_n is the average of the models, and the
    consensus error their mean squared distance from it.

    Parameters
    ----------
    models
        Gives θ of all walks on every rank, shape (walks, trials, d); collective.
    problem, losses, step, recording, go_on
        As ``Recorder`` has them.

    Attributes
    ----------
    sum
        None: no Polyak–Ruppert average goes with a model.
    """

    sum: None = None

    def __init__(
        self,
        comm: MPI.Intracomm,
        models: Callable[[], Numbers],
        problem: Problem,
        losses: Losses | None,
        step: NDArray[np.int64],
        recording: Recording | None,
        *,
        go_on: bool,
    ) -> None:
        self._comm = comm
        self._models = models
        self._losses = losses
        self._row = {int(n): row for row, n in enumerate(step)}
        self._minimizer = None if problem.optimum is None else problem.optimum.theta
        self._numbers = problem.experiment.numbers
        self._recording = recording
        self._go_on = go_on
        self._remedy = remedy_of(problem.experiment)

    def __call__(self, n: int) -> None:
        """Record θ_n where n is a recording step.

        Raises
        ------
        ConfigurationError
            On every rank, where an iterate or a loss is not finite any more.
        """
        if n not in self._row:
            return
        theta = np.ascontiguousarray(self._models(), np.float64)
        _, trials, d = theta.shape
        mean = np.empty(trials * d)
        mean_over_agents(theta.reshape(len(theta), -1), mean)
        mean = mean.astype(self._numbers).astype(np.float64).reshape(trials, d)
        if not self._go_on:
            self._check_finite(n, theta)
        distances = np.empty(theta.shape[:2])
        squared_distances(theta, mean, distances)
        found = {"theta_mean": mean, "consensus_error": np.empty(trials)}
        mean_over_agents(distances, found["consensus_error"])
        if self._minimizer is not None:
            found["squared_error"] = squared_error(mean, np.tile(self._minimizer, (trials, 1)))
        if self._losses is not None:
            found |= self._losses(mean, None)
            if not self._go_on:
                on_root(self._comm, lambda: check_losses(n, found["agent_loss"], self._remedy))
        if self._recording is not None:
            for name, values in self._recording.measures.items():
                values[self._row[n]] = found[name]

    def _check_finite(self, n: int, theta: Floats) -> None:
        """Refuse models that are not finite; every rank has them all."""
        diverged = np.argwhere(~np.isfinite(theta.swapaxes(0, 1)).all(axis=2))
        if len(diverged) == 0:
            return
        trial, walk = diverged[0].tolist()
        raise ConfigurationError(
            f"diverged: at step {n:,} θ of walk {walk} is not finite in trial {trial}, one of"
            f" {len(np.unique(diverged[:, 0]))} of {theta.shape[1]} trials that diverged;"
            f" {self._remedy}"
        )
