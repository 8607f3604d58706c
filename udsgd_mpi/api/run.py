"""Running experiments from Python."""

from collections.abc import Sequence
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal

from udsgd_mpi.api.here import Asked, run_here
from udsgd_mpi.api.how import Duration, How
from udsgd_mpi.api.launched import run_on_ranks
from udsgd_mpi.support.errors import ConfigurationError

if TYPE_CHECKING:
    import xarray

    from udsgd_mpi.api.asked import Experiments
    from udsgd_mpi.parallel.watched import AnyComm
    from udsgd_mpi.storage.earlier_run import Resume


def run(
    experiments: "Experiments",
    comm: "AnyComm | None" = None,
    *,
    output: str | PathLike[str] | None = None,
    ranks: int | None = None,
    restarts: int = 0,
    force: bool = False,
    resume: "Resume" = "no",
    allow_changes: Sequence[Literal["steps"]] = (),
    checkpoint_every: str | int = "5m",
    keep_checkpoints: bool = False,
    max_time: Duration | None = None,
    on_divergence: Literal["stop", "mask"] = "stop",
    stall_timeout: Duration = "10m",
    emulate: bool = False,
) -> "xarray.Dataset":
    """Run experiments into one file, and open it.

    In a script that ``mpirun`` started on several ranks it is collective over ``comm``: every rank
    calls it with the same arguments and has the results. Otherwise all agents are in this process,
    or with ``ranks`` in processes of their own. The numbers are the same bits in each case. The
    process is left as it was: no signal is taken, no filter of warnings stays.

    Parameters
    ----------
    experiments
        By name, as ``load`` makes them, or one alone.
    comm
        Communicator of mpi4py; by default all ranks that a launcher has started.
    output
        Result file; by default the experiments' own.
    ranks
        Number of ranks to start with the ``mpirun`` that belongs to this Python; their progress is
        passed on. An interrupt, such as a notebook's, stops them after a checkpoint.
    restarts
        How often ``ranks`` are started again, from their last checkpoint, after one was lost.
    force
        Whether to replace a result file that is there.
    resume
        ``"required"``: resume an earlier run. ``"auto"``: resume it if there is one.
    allow_changes
        What may differ from the earlier run: ``["steps"]``.
    checkpoint_every
        Time such as ``"5m"``, or number of steps, from one checkpoint to the next.
    keep_checkpoints
        Whether the final states are kept, for ``udsgd extend``.
    max_time
        Seconds, or a time such as ``"55m"``, from the call on, after which to write a checkpoint
        and raise ``Stopped``.
    on_divergence
        ``"stop"``, or ``"mask"`` to leave out diverged trials.
    stall_timeout
        Seconds, or a time, after which ranks that wait for others end the job.
    emulate
        Whether to sleep for the times of ``timing``; needs one agent for each rank.

    Returns
    -------
    The results, as ``open_results`` has them.

    Raises
    ------
    ConfigurationError
        If something is wrong that the caller can mend; on all ranks, whichever found it.
    OutputError
        If the results can't be written; on all ranks.
    Stopped
        If ``max_time`` is over; ``resume="auto"`` goes on from there.
    JobFailed
        If ``ranks`` were lost more often than ``restarts`` says, or failed for an internal reason.

    Notes
    -----
    Other errors on one of several ranks end the job, as the command line does: ranks that wait
    inside MPI can't be told. So do ranks that wait for longer than ``stall_timeout``.

    Examples
    --------
    >>> experiments = load("my.toml", {"steps": 3000})
    >>> results = run(experiments, output="my.h5", ranks=4, restarts=2, resume="auto")
    >>> results.squared_error.mean("trial").sel(variant="srrw")
    """
    said: dict[str, Any] = {
        "force": force,
        "resume": resume,
        "allow_changes": allow_changes,
        "checkpoint_every": checkpoint_every,
        "keep_checkpoints": keep_checkpoints,
        "max_time": max_time,
        "on_divergence": on_divergence,
        "stall_timeout": stall_timeout,
        "emulate": emulate,
    }

    def read() -> Asked:
        from udsgd_mpi.api.asked import checked

        if ranks is None and restarts:
            raise ConfigurationError(
                f"restarts: expected ranks=N beside it, got restarts={restarts} alone; ranks that"
                " this process belongs to cannot be started again"
            )
        return Asked(checked(experiments, output), How.of(said))

    if ranks is None:
        return run_here(comm, read)
    if comm is not None:
        raise ConfigurationError(
            f"run: expected either comm or ranks, got both (ranks={ranks}); leave one of them out"
        )
    return run_on_ranks(ranks, restarts, read())
