"""Gathering the measures on rank 0."""

import numpy as np
from mpi4py import MPI
from numpy.typing import NDArray

from udsgd_mpi.agent_sums import mean_over_agents, squared_distances
from udsgd_mpi.experiment.schema import Record
from udsgd_mpi.parallel.average import AgentAverage
from udsgd_mpi.parallel.blocks import Blocks
from udsgd_mpi.recording import Recording

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
    """

    def __init__(
        self,
        comm: MPI.Intracomm,
        blocks: Blocks,
        settings: Record,
        step: NDArray[np.int64],
        minimizer: Floats,
        recording: Recording | None,
    ) -> None:
        agents, trials = blocks.layout.agents, blocks.trials
        self._comm = comm
        self._blocks = blocks
        self._row = {int(n): row for row, n in enumerate(step)}
        self._minimizer = np.tile(minimizer, (trials, 1))
        self._recording = recording
        self._iterates = settings.detail == "iterates"
        self._sum = np.zeros_like(blocks.theta) if settings.polyak else None
        self._average = AgentAverage(comm, blocks.layout, trials * blocks.d)
        self._distances = np.empty((blocks.agents, trials))
        self._all_distances = np.empty((agents if recording else 0, trials))

    def __call__(self, n: int, theta: Floats) -> None:
        """Record θ_n where n is a recording step."""
        if n in self._row:
            self._record(self._row[n], theta)
            if self._sum is not None:
                self._record_polyak(self._row[n], self._sum / max(n, 1))
        if self._sum is not None:
            self._sum += theta

    def _record(self, row: int, theta: Floats) -> None:
        mean = self._mean(theta)
        squared_distances(theta, mean, self._distances)
        self._gather(self._distances, self._all_distances)
        theta_of_all = self._gather_iterates(theta) if self._iterates else None
        if self._recording is None:
            return
        self._recording.theta_mean[row] = mean
        self._recording.squared_error[row] = self._error(mean)
        mean_over_agents(self._all_distances, self._recording.consensus_error[row])
        if self._recording.theta is not None and theta_of_all is not None:
            self._recording.theta[row] = theta_of_all.swapaxes(0, 1)

    def _record_polyak(self, row: int, averages: Floats) -> None:
        mean = self._mean(averages)
        if self._recording and self._recording.averaged_squared_error is not None:
            self._recording.averaged_squared_error[row] = self._error(mean)

    def _mean(self, theta: Floats) -> Floats:
        return self._average(theta.reshape(len(theta), -1)).reshape(theta.shape[1:])

    def _error(self, mean: Floats) -> Floats:
        error = np.empty((1, self._blocks.trials))
        squared_distances(mean[None], self._minimizer, error)
        return np.asarray(error[0])

    def _gather_iterates(self, theta: Floats) -> Floats:
        agents = self._blocks.layout.agents if self._recording else 0
        out = np.empty((agents, *theta.shape[1:]))
        self._gather(np.ascontiguousarray(theta), out)
        return out

    def _gather(self, mine: Floats, out: Floats) -> None:
        counts = self._blocks.layout.counts * (mine.size // len(mine))
        self._comm.Gatherv(
            [mine, MPI.DOUBLE],
            [out, (counts, np.cumsum(counts) - counts), MPI.DOUBLE],
        )
