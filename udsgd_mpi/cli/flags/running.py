"""Flags of running and going on."""

from pathlib import Path

from udsgd_mpi.cli.flags.parser import Commands, Parser, subcommand
from udsgd_mpi.cli.flags.values import at_least, seconds, time_or_steps
from udsgd_mpi.support.progress import SECONDS_BETWEEN_LINES


def add_run(commands: Commands) -> Parser:
    """Flags of ``run``."""
    run = subcommand(
        commands,
        "run",
        "run an experiment on all ranks: mpirun -n N udsgd run",
        "mpirun -n 4 udsgd run my.toml --agents 100 --output my.h5",
    )
    experiment_flags(run)
    survival_flags(run)
    run.add_argument(
        "--force",
        action="store_true",
        help="replace the result file and its figure, even if udsgd did not make them",
    )
    run.add_argument(
        "--resume",
        nargs="?",
        choices=["auto", "required"],
        default="no",
        metavar="auto",
        help="resume an earlier run; with auto, start one if there is none",
    )
    run.add_argument(
        "--allow-changes",
        choices=["steps"],
        nargs=1,
        default=[],
        metavar="steps",
        help="what may differ from the earlier run",
    )
    run.add_argument(
        "--dry-run",
        action="store_true",
        help="check everything and estimate what a run takes, without MPI",
    )
    run.add_argument(
        "--emulate",
        action="store_true",
        help="sleep for the times of [timing]; needs one agent per rank",
    )
    run.add_argument(
        "--quiet",
        action="store_true",
        help="no table and no figure at the end; udsgd report makes them",
    )
    run.add_argument(
        "--ranks", type=at_least(1), metavar="P", help="ranks to plan for, with --dry-run"
    )
    return run


def survival_flags(parser: Parser) -> None:
    """Flags of all that runs for long."""
    parser.add_argument(
        "--checkpoint-every",
        type=time_or_steps,
        default=(300.0, None),
        metavar="5m|STEPS",
        help="time or steps between checkpoints (default: 5m)",
    )
    parser.add_argument(
        "--keep-checkpoints", action="store_true", help="keep the final states, for udsgd extend"
    )
    parser.add_argument(
        "--max-time",
        type=seconds,
        metavar="55m",
        help="time after which to write a checkpoint, if a step has been taken, and exit with 75",
    )
    parser.add_argument(
        "--on-divergence",
        choices=["stop", "mask"],
        default="stop",
        help="stop, or leave out diverged trials and count them (default: stop)",
    )
    parser.add_argument(
        "--stall-timeout",
        type=seconds,
        default=600.0,
        metavar="10m",
        help="abort if ranks wait this long for another rank's next step, agent or kernel (default:"
        " 10m)",
    )

    parser.add_argument(
        "--progress-every",
        type=seconds,
        default=SECONDS_BETWEEN_LINES,
        metavar="5s",
        help="time between lines of progress where stderr is no terminal (default: 5s)",
    )


def experiment_flags(parser: Parser) -> None:
    """Flags that change the settings of an experiment."""
    parser.add_argument(
        "experiment",
        type=Path,
        nargs="?",
        metavar="EXPERIMENT.toml",
        help="settings, or the name of an experiment of udsgd reproduce (default: one that ships"
        " with the package)",
    )
    parser.add_argument("--agents", type=int, metavar="N", help="default: one per rank")
    parser.add_argument("--steps", type=int, metavar="N")
    parser.add_argument("--trials", type=int, metavar="T", help="independent repetitions")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--data", metavar="NAME|FILE", help="data set or LIBSVM file")
    parser.add_argument("--topology", metavar="NAME|FILE", help="graph of the agents")
    parser.add_argument("--method", metavar="NAME", help="what agents make of their gradients")
    parser.add_argument("--record", choices=["average", "iterates"], help="what is written")
    parser.add_argument("--only", metavar="VARIANT", help="run this variant alone")
    parser.add_argument("--output", metavar="FILE", help="result file (default: udsgd.h5)")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="SECTION.KEY=VALUE",
        help="any other setting, e.g. groups.walkers.sampler=nbrw",
    )


def add_extend(commands: Commands) -> Parser:
    """Flags of ``extend``."""
    extend = subcommand(
        commands,
        "extend",
        "add steps or trials to a result file: mpirun -n N udsgd …",
        "mpirun -n 4 udsgd extend my.h5 --steps 100000 --trials +60",
    )
    extend.add_argument("file", type=Path, metavar="FILE", help="result file (.h5)")
    extend.add_argument("--steps", type=int, metavar="M", help="total number of steps")
    extend.add_argument("--trials", metavar="+T", help="trials to add")
    survival_flags(extend)
    extend.set_defaults(force=False, emulate=False)
    return extend
