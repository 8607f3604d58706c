"""Models that go from rank to rank."""

import numpy as np
from mpi4py import MPI

from udsgd_mpi.engine.models import Models
from udsgd_mpi.objectives.base import Numbers
from udsgd_mpi.parallel.waiting import waiting
from udsgd_mpi.support.meter import Activity, Meter


class Moving:
    """Takes n, and brings each model to the rank of the agent where it is after n steps.

    All that go from one rank to another travel in one message; every rank knows which do, and none
    is sent where none go. Models are sent as they are, so that the layout changes no bit.

    Parameters
    ----------
    meter
        Records the time that it takes, and what is sent.
    """

    def __init__(self, comm: MPI.Intracomm, models: Models, meter: Meter) -> None:
        self._comm = comm
        self._models = models
        self._meter = meter

    def __call__(self, n: int) -> None:
        """Let them go there."""
        self._meter.lap(Activity.GRADIENT)
        rows = self._models.rows
        leaving, arriving = self._models.move(n)
        going = {to: rows[which] for to, which in leaving.items()}
        coming = {
            source: np.empty((len(which), rows.shape[1]), rows.dtype)
            for source, which in arriving.items()
        }
        requests = [self._comm.Irecv(room, source) for source, room in coming.items()]
        requests += [self._comm.Isend(message, to) for to, message in going.items()]
        if requests:
            ranks = ", ".join(map(str, sorted({*going, *coming})))
            with waiting(f"ranks {ranks}", self._meter):
                MPI.Request.Waitall(requests)
        for source, which in arriving.items():
            rows[which] = coming[source]
        self._meter.sent(len(going), sum(message.nbytes for message in going.values()))
        self._meter.lap(Activity.MIXING)

    def all(self) -> Numbers:
        """θ of all walks on every rank, shape (walks, trials, d); collective."""
        models, comm = self._models, self._comm
        if comm.size == 1:
            return models.theta
        rows, hosts = models.rows, models.hosts
        counts = np.bincount(hosts, minlength=comm.size) * rows.shape[1]
        gathered = np.empty_like(rows)
        with waiting("all ranks"):
            comm.Allgatherv(rows[models.mine], [gathered, (counts, np.cumsum(counts) - counts)])
        whole = np.empty_like(rows)
        whole[np.argsort(hosts, kind="stable")] = gathered
        return whole.reshape(models.theta.shape)
