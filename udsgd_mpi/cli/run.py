"""``udsgd run``."""

import faulthandler
import socket
from argparse import Namespace
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from udsgd_mpi.api.how import How
from udsgd_mpi.api.job import job
from udsgd_mpi.cli.streams import results_are_written
from udsgd_mpi.support.errors import ConfigurationError, OutputError
from udsgd_mpi.support.launcher import before_mpi, launched_rank, launched_size, refuse_singletons
from udsgd_mpi.support.progress import say
from udsgd_mpi.support.stop_request import LOADING, stop_request

if TYPE_CHECKING:
    from udsgd_mpi.experiment.schema import Experiment
    from udsgd_mpi.parallel.known import Known
    from udsgd_mpi.parallel.watched import Watched

_STDERR = 2  # whatever a caller has put in place of sys.stderr, such as a string in memory


def command(arguments: Namespace) -> None:
    """Run an experiment on all ranks, or say what it would take."""
    if arguments.dry_run:
        if launched_rank() == 0:
            _print_plan(arguments)
        return
    if arguments.ranks is not None:
        raise ConfigurationError(
            "--ranks plans for a number of ranks and needs --dry-run; to run on"
            f" {arguments.ranks} ranks use mpirun -n {arguments.ranks}"
        )
    _run_on_all_ranks(arguments)


def _run_on_all_ranks(arguments: Namespace) -> None:
    def load() -> dict[str, "Experiment"]:
        from udsgd_mpi.cli.settings import requested

        return requested(arguments)

    output = on_all_ranks(load, arguments, "run it again with --resume auto")
    if output and arguments.quiet:
        _require_a_trial(output)
    elif output:
        show_complete(output, force=arguments.force)


def _require_a_trial(output: Path) -> None:
    """Refuse results of which all trials have diverged, as a table of them would."""
    from udsgd_mpi.storage.measured import read_measures

    read_measures(output)


def show_complete(output: Path, *, force: bool) -> None:
    """Show the results of a run that has ended; no failure here affects them.

    Parameters
    ----------
    force
        Whether the figure may replace a file that is not an earlier figure of these results.
    """
    results_are_written(f"the results are in {output}")
    try:
        from udsgd_mpi.analysis.image import figure_of
        from udsgd_mpi.cli.report import show

        show(output, figure_of(output), force=force)
    except ConfigurationError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, the results are there
        said = error if isinstance(error, OutputError) else f"{type(error).__name__}: {error}"
        say(f"warning: the results are in {output}, but not all of them are shown: {said}")


def on_all_ranks(
    load: Callable[[], dict[str, "Experiment"]],
    arguments: Namespace,
    advice: str = "run the same command again",
    joining: Path | None = None,
) -> Path | None:
    """Start MPI and run the job; the result file on rank 0, None elsewhere.

    Parameters
    ----------
    load
        Returns the variants.
    advice
        How to resume a job that was stopped on request.
    joining
        A result file with which the results are to be joined.
    """
    comm = start_mpi(arguments.max_time, arguments.stall_timeout, advice)
    return job(comm, load, _how(arguments), _known(), joining)


def start_mpi(max_time: float | None, stall_timeout: float, advice: str) -> "Watched":
    """Start MPI, and the watchdog; all ranks.

    Parameters
    ----------
    max_time
        Seconds after which a job is to stop; None: as long as it takes.
    stall_timeout
        Seconds after which ranks that wait for others end the job.
    advice
        How to resume a job that was stopped on request.
    """
    stop_request.listen(max_time, advice)
    stop_request.enter(LOADING)
    before_mpi()
    from udsgd_mpi.parallel.watchdog import watch_process

    alone = launched_size() == 1
    watch_process(launched_rank(), socket.gethostname(), stall_timeout, alone=alone)
    # MPI starts with Python's lock held, so that no thread of Python can watch it.
    faulthandler.dump_traceback_later(stall_timeout, exit=True, file=_STDERR)
    from udsgd_mpi.parallel.watched import world

    faulthandler.cancel_dump_traceback_later()
    from udsgd_mpi.parallel.loading import load_in_turn

    comm = world()
    refuse_singletons(comm.size)
    load_in_turn(comm)
    return comm


def _how(arguments: Namespace) -> How:
    return How(
        force=arguments.force,
        resume=arguments.resume,
        allow_changes=tuple(arguments.allow_changes),
        checkpoint_every=arguments.checkpoint_every,
        keep_checkpoints=arguments.keep_checkpoints,
        max_time=arguments.max_time,
        on_divergence=arguments.on_divergence,
        stall_timeout=arguments.stall_timeout,
        emulate=arguments.emulate,
        progress_every=arguments.progress_every,
    )


@cache  # of all jobs of this process, as figures have variants in common
def _known() -> "Known":
    from udsgd_mpi.parallel.known import Known

    return Known()


def _print_plan(arguments: Namespace) -> None:
    from udsgd_mpi.cli.settings import requested
    from udsgd_mpi.preflight.dry_run import describe

    ranks = arguments.ranks or launched_size()
    for name, experiment in requested(arguments).items():
        print(describe(name, experiment, ranks), end="\n\n")
