"""Flags of running on a cluster."""

from pathlib import Path

from udsgd_mpi.cli.flags.parser import Commands, Parser, subcommand
from udsgd_mpi.cli.flags.running import experiment_flags, survival_flags
from udsgd_mpi.cli.flags.values import array, at_least, time_limit


def add_submit(commands: Commands) -> Parser:
    """Flags of ``submit``."""
    submit = subcommand(
        commands,
        "submit",
        "run an experiment on a Slurm cluster, as long as it takes",
        "udsgd submit my.toml --agents 100 --nodes 4 --time 2h --array trials=10",
    )
    experiment_flags(submit)
    survival_flags(submit)
    submit.add_argument(
        "--force",
        action="store_true",
        help="replace the result file and its figure, even if udsgd did not make them",
    )
    submit.add_argument("--nodes", type=at_least(1), metavar="N", help="default: Slurm's choice")
    ranks = submit.add_mutually_exclusive_group()
    ranks.add_argument(
        "--ranks",
        type=at_least(1),
        metavar="P",
        help="total number of ranks (default: one per agent)",
    )
    ranks.add_argument(
        "--tasks-per-node",
        type=at_least(1),
        metavar="K",
        help="ranks on each node, instead of their total",
    )
    submit.add_argument(
        "--time",
        type=time_limit,
        metavar="2h|1-00:00:00",
        help="of each start; the job then resumes where it stopped (default: the partition's)",
    )
    submit.add_argument(
        "--array",
        type=array,
        action="append",
        default=[],
        metavar="trials=K|variants",
        help="a job array over parts of the trials, over variants, or over both, and a job that"
        " merges its files",
    )
    submit.add_argument(
        "--restarts",
        type=at_least(0),
        default=20,
        metavar="N",
        help=(
            "how often a job that runs out of time, or whose node fails, is restarted (default: 20)"
        ),
    )
    submit.add_argument("--launcher", choices=["srun", "mpirun"], help="default: srun")
    submit.add_argument("--partition", metavar="NAME")
    submit.add_argument("--account", metavar="NAME")
    submit.add_argument(
        "--site",
        metavar="NAME|FILE.toml",
        help="profile of ~/.config/udsgd/sites.toml, or a file with one (default: default)",
    )
    submit.add_argument("--print", action="store_true", help="print the script, submit nothing")
    return submit


def add_status(commands: Commands) -> Parser:
    """Flags of ``status``."""
    status = subcommand(
        commands,
        "status",
        "state of a submitted run, task by task",
        "udsgd status my.h5",
    )
    status.add_argument("file", type=Path, metavar="OUTPUT", help="its result file (.h5)")
    return status
