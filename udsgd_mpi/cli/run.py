"""``udsgd run``."""

from argparse import Namespace
from typing import TYPE_CHECKING

from udsgd_mpi.errors import ConfigurationError
from udsgd_mpi.launcher import (
    ease_oversubscription,
    launched_rank,
    launched_size,
    refuse_singletons,
    use_one_thread,
)

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
    ease_oversubscription()
    use_one_thread()
    from mpi4py import MPI

    from udsgd_mpi.parallel.job import run_job
    from udsgd_mpi.parallel.startup import compile_once, wait_quietly

    refuse_singletons(MPI.COMM_WORLD.size)
    compile_once(MPI.COMM_WORLD)

    def load() -> dict[str, "Experiment"]:
        from udsgd_mpi.cli.settings import requested

        return requested(arguments)

    output = run_job(load, force=arguments.force)
    if output:
        from udsgd_mpi.cli.report import show

        show(output, output.with_suffix(".png"))
    wait_quietly(MPI.COMM_WORLD)


def _print_plan(arguments: Namespace) -> None:
    from udsgd_mpi.cli.settings import requested
    from udsgd_mpi.dry_run import plan

    ranks = arguments.ranks or launched_size()
    for name, experiment in requested(arguments).items():
        print(plan(name, experiment, ranks), end="\n\n")
