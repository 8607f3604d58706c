"""A job on the ranks of a communicator, from the command line and from Python."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from udsgd_mpi.api.how import How
from udsgd_mpi.support.errors import Stopped
from udsgd_mpi.support.stop_request import ENDING, stop_request

if TYPE_CHECKING:
    from udsgd_mpi.experiment.schema import Experiment
    from udsgd_mpi.parallel.known import Known
    from udsgd_mpi.parallel.watched import Intracomm


def job(
    comm: "Intracomm",
    load: Callable[[], dict[str, "Experiment"]],
    how: How,
    known: "Known",
    joining: Path | None = None,
) -> Path | None:
    """Run all variants; the result file on rank 0, None elsewhere; collective.

    The package must have been loaded on all ranks, and ``stop_request`` knows when to stop.

    Parameters
    ----------
    load
        Returns the variants; called on rank 0 alone.
    known
        What earlier jobs of the same ranks have found.
    joining
        A result file with which the results are to be joined.

    Raises
    ------
    ConfigurationError, OutputError, Stopped
        As ``parallel.job.run_job``.
    """
    from udsgd_mpi.cluster.slurm import has_ended
    from udsgd_mpi.parallel.control import Policy
    from udsgd_mpi.parallel.job import run_job
    from udsgd_mpi.parallel.options import Options

    seconds, steps = how.checkpoint_every
    options = Options(
        force=how.force,
        resume=how.resume,
        allowed_changes=how.allow_changes,
        joining=joining,
        policy=Policy(seconds, steps, stop_request.deadline, lambda: bool(stop_request.reason)),
        keep_checkpoints=how.keep_checkpoints,
        mask_diverged=how.on_divergence == "mask",
        emulate=how.emulate,
        has_ended=has_ended,
        progress_every=how.progress_every,
    )
    try:
        output = run_job(comm, load, options, known)
    except Stopped as stopped:
        raise Stopped(stop_request.message(str(stopped))) from stopped
    stop_request.enter(ENDING)
    return output
