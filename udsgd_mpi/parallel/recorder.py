"""Gathering the measures on rank 0."""

import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray

from udsgd_mpi.communication.codecs import Exact
from udsgd_mpi.engine.iterates import THETA, Iterates
from udsgd_mpi.engine.measures import Recording
from udsgd_mpi.engine.states import STATISTICS
from udsgd_mpi.experiment.schema import Experiment
from udsgd_mpi.kernels.agent_sums import mean_over_agents, squared_distances
from udsgd_mpi.parallel.average import AgentAverage, average_of
from udsgd_mpi.parallel.collective import on_root
from udsgd_mpi.parallel.gather_rows import gather_rows
from udsgd_mpi.parallel.losses import Losses
from udsgd_mpi.problem import Problem
from udsgd_mpi.support.errors import ConfigurationError

Floats = NDArray[np.float64]


class Recorder:
    """Fills a Recording on rank 0; the other ranks send only what it needs.

    Parameters
    ----------
    problem
        Says what is recorded.
    losses
        Where they are recorded, too.
    step
        Recording steps.
    recording
        On rank 0; None elsewhere.
    go_on
        Whether a diverged trial is recorded as such rather than an error.

    Attributes
    ----------
    sum
        Σ_{s≤n} θ_s of the hosted agents, shape (agents, trials, d); None where no Polyak–Ruppert
        average is recorded.
    """

    def __init__(
        self,
        comm: MPI.Intracomm,
        iterates: Iterates,
        problem: Problem,
        losses: Losses | None,
        step: NDArray[np.int64],
        recording: Recording | None,
        *,
        go_on: bool,
    ) -> None:
        self._layout = layout = iterates.layout
        hosted, trials, _ = iterates.theta.shape
        experiment, optimum = problem.experiment, problem.optimum
        self._comm = comm
        self._schedule = problem.schedule
        self._iterates = iterates
        self._row = {int(n): row for row, n in enumerate(step)}
        self._minimizer = None if optimum is None else np.tile(optimum.theta, (trials, 1))
        self._recording = recording
        self._of_all = experiment.record.detail == "iterates"
        self._go_on = go_on
        self._remedy = remedy_of(experiment)
        self.sum = np.zeros(iterates.theta.shape) if experiment.record.polyak else None
        codec = Exact(iterates.theta.dtype)
        self._average = average_of(comm, iterates.mixed[THETA], codec)
        self._average_of_sums = AgentAverage(comm, layout, iterates.mixed[THETA].elements)
        self._losses = losses
        self._average_of_statistics = None
        if losses is not None and STATISTICS in iterates.names:
            elements = iterates[STATISTICS][0].size
            self._average_of_statistics = AgentAverage(comm, layout, elements)
        self._distances = np.empty((hosted, trials))

    def __call__(self, n: int) -> None:
        """Record θ_n where n is a recording step.

        Raises
        ------
        ConfigurationError
            On every rank, where an iterate or a loss is not finite any more.
        """
        theta = self._iterates.theta
        if n in self._row:
            # A copy, as another average may follow.
            mean = np.array(self._average(), np.float64).reshape(theta.shape[1:])
            if not self._go_on:
                self._check_finite(n, theta, mean)
            measures = self._measures(n, theta, mean)
            if self._losses is not None and not self._go_on:
                on_root(self._comm, lambda: check_losses(n, measures["agent_loss"], self._remedy))
            if self._recording is not None:
                for name, values in self._recording.measures.items():
                    values[self._row[n]] = measures[name]
        if self.sum is not None:
            self.sum += theta

    def _measures(self, n: int, theta: Floats, mean: Floats) -> dict[str, Floats]:
        """What is recorded at step n, by name; whole on rank 0 alone."""
        found = {"theta_mean": mean}
        for i in range(len(theta)):  # one by one, as a type of its own takes a copy
            mine = theta[i : i + 1].astype(np.float64, copy=False)
            squared_distances(mine, mean, self._distances[i : i + 1])
        distances = gather_rows(self._comm, self._layout, self._distances)
        if self._recording is not None:
            found["consensus_error"] = np.empty(len(mean))
            mean_over_agents(distances, found["consensus_error"])
        if self._minimizer is not None:
            found["squared_error"] = squared_error(mean, self._minimizer)
            if self.sum is not None:
                averages = self._average_of_sums((self.sum / max(n, 1)).reshape(len(theta), -1))
                average = np.array(averages).reshape(mean.shape)  # a copy, as of ``mean``
                error = squared_error(average, self._minimizer)
                found["averaged_theta_mean"] = average
                found["averaged_squared_error"] = error
        if self._of_all:
            for name in self._iterates.names:
                rows = gather_rows(self._comm, self._layout, self._iterates[name])
                found[name] = rows.swapaxes(0, 1)
        if self._losses is not None:
            found |= self._losses(*self._model(n, mean))
        return found

    def _model(self, n: int, mean: Floats) -> tuple[Floats, Floats | None]:
        """What losses are of: θ, shape (trials, d), and likewise statistics of BatchNorm, if any.

        The network average, or the average of those agents that hold a server's model. The others'
        iterates never meet it, and networks far apart have no average that is worth anything.
        """
        members = self._schedule.served(n)
        model, statistics = mean, None
        if self._average_of_statistics is not None:
            rows = self._iterates[STATISTICS]
            found = self._average_of_statistics(rows.reshape(len(rows), -1), members)
            statistics = found.reshape(rows.shape[1:])
        if members is not None:
            model = np.array(self._average(members), np.float64).reshape(mean.shape)
        return model, statistics

    def _check_finite(self, n: int, theta: Floats, mean: Floats) -> None:
        diverged = ~np.asarray(np.isfinite(mean).all(axis=1))
        if not diverged.any():
            return
        finite = np.isfinite(theta).all(axis=2)
        rows = [row for part in self._comm.allgather(finite) for row in part]
        trial = int(np.argmax(diverged))
        agent = next((i for i, row in enumerate(rows) if not row[trial]), 0)
        raise ConfigurationError(
            f"diverged: at step {n:,} θ of agent {agent} is not finite in trial {trial}, one of"
            f" {int(diverged.sum())} of {len(diverged)} trials that diverged; {self._remedy}"
        )


def squared_error(mean: Floats, minimizer: Floats) -> Floats:
    """‖θ_n − θ*‖² of each trial, from both of shape (trials, d)."""
    error = np.empty((1, len(mean)))
    squared_distances(np.ascontiguousarray(mean)[None], minimizer, error)
    return np.asarray(error[0])


def remedy_of(experiment: Experiment) -> str:
    """What to do about iterates that diverge."""
    smaller = "a smaller step_size.gamma"
    if experiment.communication.compression:
        smaller += " or communication.compression.consensus_step"
    return f"use {smaller}, or --on-divergence mask to continue with the others"


def check_losses(n: int, losses: Floats, remedy: str) -> None:
    """Refuse losses, shape (trials, agents), that are not finite: θ_n may be, and of no use."""
    finite = np.isfinite(losses)
    if finite.all():
        return
    trial, agent = (int(k) for k in np.argwhere(~finite)[0])
    diverged = int((~finite.all(axis=1)).sum())
    raise ConfigurationError(
        f"diverged: at step {n:,} the loss of agent {agent} is not finite in trial {trial}, one of"
        f" {diverged} of {len(finite)} trials that diverged; {remedy}"
    )
