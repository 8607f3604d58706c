"""Gathering the measures on rank 0."""

import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray

from udsgd_mpi.engine.iterates import Iterates
from udsgd_mpi.engine.measures import Recording
from udsgd_mpi.experiment.schema import Record
from udsgd_mpi.kernels.agent_sums import mean_over_agents, squared_distances
from udsgd_mpi.parallel.average import AgentAverage, average_of
from udsgd_mpi.parallel.waiting import waiting
from udsgd_mpi.support.errors import ConfigurationError

Floats = NDArray[np.float64]


class Recorder:
    """Fills a Recording on rank 0; the other ranks send it no more than it asks for.

    Parameters
    ----------
    settings
        What is recorded.
    step
        Recording steps.
    minimizer
        θ*, shape (d,).
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
        settings: Record,
        step: NDArray[np.int64],
        minimizer: Floats,
        recording: Recording | None,
        *,
        go_on: bool,
    ) -> None:
        self._layout = layout = iterates.mixed.layout
        hosted, trials, _ = iterates.theta.shape
        self._comm = comm
        self._iterates = iterates
        self._row = {int(n): row for row, n in enumerate(step)}
        self._minimizer = np.tile(minimizer, (trials, 1))
        self._recording = recording
        self._of_all = settings.detail == "iterates"
        self._go_on = go_on
        self.sum = np.zeros_like(iterates.theta) if settings.polyak else None
        self._average = average_of(comm, iterates.mixed)
        self._average_of_sums = AgentAverage(comm, layout, iterates.mixed.elements)
        self._distances = np.empty((hosted, trials))
        self._all_distances = np.empty((layout.agents if recording else 0, trials))

    def __call__(self, n: int) -> None:
        """Record θ_n where n is a recording step.

        Raises
        ------
        ConfigurationError
            On every rank, where an iterate is not finite any more.
        """
        theta = self._iterates.theta
        if n in self._row:
            mean = self._record(self._row[n], theta)
            if not self._go_on:
                self._check_finite(n, theta, mean)
            if self.sum is not None:
                self._record_polyak(self._row[n], self.sum / max(n, 1))
        if self.sum is not None:
            self.sum += theta

    def _record(self, row: int, theta: Floats) -> Floats:
        mean = self._average().reshape(theta.shape[1:])
        squared_distances(theta, mean, self._distances)
        self._gather(self._distances, self._all_distances)
        theta_of_all = self._gather_iterates(theta) if self._of_all else None
        if self._recording is None:
            return mean
        self._recording["theta_mean"][row] = mean
        self._recording["squared_error"][row] = self._error(mean)
        mean_over_agents(self._all_distances, self._recording["consensus_error"][row])
        if theta_of_all is not None:
            self._recording["theta"][row] = theta_of_all.swapaxes(0, 1)
        return mean

    def _record_polyak(self, row: int, averages: Floats) -> None:
        mean = self._average_of_sums(averages.reshape(len(averages), -1)).reshape(
            averages.shape[1:]
        )
        if self._recording:
            self._recording["averaged_squared_error"][row] = self._error(mean)

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
            f" {int(diverged.sum())} of {len(diverged)} trials that diverged; use a smaller"
            " step_size.gamma, or --on-divergence mask to continue with the others"
        )

    def _error(self, mean: Floats) -> Floats:
        error = np.empty((1, len(mean)))
        squared_distances(mean[None], self._minimizer, error)
        return np.asarray(error[0])

    def _gather_iterates(self, theta: Floats) -> Floats:
        agents = self._layout.agents if self._recording else 0
        out = np.empty((agents, *theta.shape[1:]))
        self._gather(np.ascontiguousarray(theta), out)
        return out

    def _gather(self, mine: Floats, out: Floats) -> None:
        counts = np.array(self._layout.counts) * (mine.size // len(mine))
        with waiting("rank 0"):
            self._comm.Gatherv(
                [mine, MPI.DOUBLE],
                [out, (counts, np.cumsum(counts) - counts), MPI.DOUBLE],
            )
