"""``udsgd run``."""

import time
from argparse import Namespace
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from udsgd_mpi.cli.streams import results_are_written
from udsgd_mpi.errors import ConfigurationError, OutputError, Stopped
from udsgd_mpi.launcher import before_mpi, launched_rank, launched_size, refuse_singletons
from udsgd_mpi.progress import say
from udsgd_mpi.stop_signals import StopSignals

if TYPE_CHECKING:
    from udsgd_mpi.experiment.schema import Experiment


def command(arguments: Namespace) -> None:
    """Run an experiment on all ranks, or print its plan."""
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

    output = on_all_ranks(load, arguments)
    if output:
        show_complete(output)


def show_complete(output: Path) -> None:
    """Show the results of a run that has ended, which nothing can take back any more."""
    results_are_written(f"the results are in {output}")
    try:
        from udsgd_mpi.cli.report import show

        show(output, output.with_suffix(".png"))
    except ConfigurationError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, the results are there
        said = error if isinstance(error, OutputError) else f"{type(error).__name__}: {error}"
        say(f"warning: the results are in {output}, but not all of them are shown: {said}")


def on_all_ranks(
    load: Callable[[], dict[str, "Experiment"]], arguments: Namespace, joining: Path | None = None
) -> Path | None:
    """Start MPI and run the job; the result file on rank 0, None elsewhere.

    Parameters
    ----------
    load
        Gives the variants.
    joining
        A result file with which the results are to be joined.
    """
    started = time.monotonic()
    signals = _stop_signals()
    before_mpi()
    from mpi4py import MPI

    from udsgd_mpi.parallel.loading import load_in_turn
    from udsgd_mpi.parallel.waiting import watch

    comm = MPI.COMM_WORLD
    refuse_singletons(comm.size)
    watch(comm.rank, MPI.Get_processor_name(), arguments.stall_timeout, alone=comm.size == 1)
    load_in_turn(comm)
    from udsgd_mpi.parallel.control import Policy
    from udsgd_mpi.parallel.job import run_job
    from udsgd_mpi.parallel.options import Options
    from udsgd_mpi.parallel.together import wait_quietly

    seconds, steps = arguments.checkpoint_every
    policy = Policy(
        seconds,
        steps,
        None if arguments.max_time is None else started + arguments.max_time,
        lambda: signals.received is not None,
    )
    options = Options(
        force=arguments.force,
        resume=arguments.resume,
        allowed_changes=arguments.allow_changes,
        joining=joining,
        policy=policy,
        keep_checkpoints=arguments.keep_checkpoints,
        mask_diverged=arguments.on_divergence == "mask",
        emulate=arguments.emulate,
    )
    try:
        output = run_job(load, options)
    except Stopped as stopped:
        reason = signals.received or "another rank's signal, or --max-time"
        raise Stopped(f"{stopped} ({reason})") from stopped
    wait_quietly(comm)
    return output


@cache
def _stop_signals() -> StopSignals:
    return StopSignals()


def _print_plan(arguments: Namespace) -> None:
    from udsgd_mpi.cli.settings import requested
    from udsgd_mpi.dry_run import plan

    ranks = arguments.ranks or launched_size()
    for name, experiment in requested(arguments).items():
        print(plan(name, experiment, ranks), end="\n\n")
