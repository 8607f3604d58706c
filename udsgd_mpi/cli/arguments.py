"""The flags of every subcommand."""

import argparse
import re
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn, TypeAlias

from udsgd_mpi import __version__
from udsgd_mpi.errors import ConfigurationError, nearest

_EXIT_CODES = """\
exit codes: 0 done, 2 usage or configuration, 70 internal error, 74 output not written,
75 stopped early and resumable"""


# argparse has no public name for what add_subparsers gives.
Commands: TypeAlias = "argparse._SubParsersAction[_Parser]"  # noqa: SLF001


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        raise ConfigurationError(f"{message}; see {self.prog} --help")


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Arguments of a subcommand; without one, those of ``run``.

    Raises
    ------
    ConfigurationError
        For an unknown flag (with the nearest known one) or a missing value.
    """
    parser = _Parser(
        prog="udsgd",
        description="Unified Distributed SGD on MPI ranks. Without a subcommand: run.",
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"udsgd_mpi {__version__}")
    commands = parser.add_subparsers(dest="command", required=True)
    subparsers = {"run": _add_run(commands), "inspect": _add_inspect(commands)}
    subparsers["report"] = _add_report(commands)
    subparsers["reproduce"] = _add_reproduce(commands)
    subparsers["predict"] = _add_predict(commands)
    subparsers["plan"] = _add_plan(commands)
    subparsers["diagnose"] = _add_diagnose(commands)
    subparsers["topology"] = _add_topology(commands)
    subparsers["extend"] = _add_extend(commands)
    subparsers["merge"] = _add_merge(commands)
    subparsers["watch"] = _add_watch(commands)
    subparsers["submit"] = _add_submit(commands)
    subparsers["status"] = _add_status(commands)
    subparsers["doctor"] = _add_doctor(commands)

    argv = _with_resume_as_one(argv)
    named = argv and argv[0] in (*subparsers, "-h", "--help", "--version")
    arguments, unknown = parser.parse_known_args(argv if named else ["run", *argv])
    if unknown:
        flags = re.findall(r"--[a-z-]+", subparsers[arguments.command].format_usage())
        raise ConfigurationError(
            f"unknown argument {unknown[0]!r}: {nearest(unknown[0].split('=')[0], flags)}"
        )
    arguments.typed = shlex.join(["udsgd", *argv])
    return arguments


def _add_run(commands: "Commands") -> _Parser:
    run = _add(commands, "run", "run an experiment on all ranks: mpirun -n N udsgd run")
    _add_experiment(run)
    _add_survival(run)
    run.add_argument("--force", action="store_true", help="overwrite the result file")
    run.add_argument(
        "--resume",
        nargs="?",
        choices=["auto", "required"],
        default="no",
        metavar="auto",
        help="go on with an earlier run; with auto also begin where there is none",
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
        "--dry-run", action="store_true", help="check everything and print the plan, without MPI"
    )
    run.add_argument(
        "--emulate",
        action="store_true",
        help="really sleep for the computing times of [timing]; an agent on each rank",
    )
    run.add_argument("--ranks", type=int, metavar="P", help="ranks to plan for, with --dry-run")
    return run


def _add_survival(parser: _Parser) -> None:
    parser.add_argument(
        "--checkpoint-every",
        type=_time_or_steps,
        default=(300.0, None),
        metavar="5m|STEPS",
        help="time or steps between checkpoints (default: 5m)",
    )
    parser.add_argument(
        "--keep-checkpoints", action="store_true", help="keep the last states, for extend"
    )
    parser.add_argument(
        "--max-time", type=_seconds, metavar="55m", help="then write a checkpoint and exit with 75"
    )
    parser.add_argument(
        "--on-divergence",
        choices=["stop", "mask"],
        default="stop",
        help="stop, or leave diverged trials out and count them (default: stop)",
    )
    parser.add_argument(
        "--stall-timeout",
        type=_seconds,
        default=600.0,
        metavar="10m",
        help="end a job whose ranks wait that long for each other (default: 10m)",
    )


def _with_resume_as_one(argv: Sequence[str]) -> list[str]:
    """Arguments with ``--resume [auto]`` as one word, so that no file name is taken for it."""
    joined: list[str] = []
    for word in argv:
        if word == "auto" and joined[-1:] == ["--resume=required"]:
            joined[-1] = "--resume=auto"
        else:
            joined.append("--resume=required" if word == "--resume" else word)
    return joined


def _seconds(text: str) -> float:
    units = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}
    number, unit = text[:-1], text[-1:]
    try:
        seconds = float(number) * units[unit]
    except (KeyError, ValueError):
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        message = f"expected a time such as 90s, 5m or 2h, got {text!r}"
        raise argparse.ArgumentTypeError(message)
    return seconds


def _time_or_steps(text: str) -> tuple[float | None, int | None]:
    if text.isdecimal() and int(text) > 0:
        return None, int(text)
    return _seconds(text), None


def _add_experiment(parser: _Parser) -> None:
    parser.add_argument(
        "experiment",
        type=Path,
        nargs="?",
        metavar="EXPERIMENT.toml",
        help="settings (default: the experiment that ships with the package)",
    )
    parser.add_argument("--agents", type=int, metavar="N", help="default: one on each rank")
    parser.add_argument("--steps", type=int, metavar="N")
    parser.add_argument("--trials", type=int, metavar="T", help="independent repetitions")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--data", metavar="NAME|FILE", help="data set or LIBSVM file")
    parser.add_argument("--topology", metavar="NAME|FILE", help="graph of the agents")
    parser.add_argument("--record", choices=["average", "iterates"], help="what is written")
    parser.add_argument("--only", metavar="VARIANT", help="one variant alone")
    parser.add_argument("--output", metavar="FILE", help="result file (default: udsgd.h5)")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="SECTION.KEY=VALUE",
        help="any other setting, e.g. groups.walkers.sampler=nbrw",
    )


def _add_predict(commands: "Commands") -> _Parser:
    predict = _add(commands, "predict", "what theory expects of an experiment, without running it")
    _add_experiment(predict)
    _add_method(predict)
    predict.add_argument(
        "--top", type=int, default=5, metavar="K", help="agents to list, largest first (default: 5)"
    )
    return predict


def _add_plan(commands: "Commands") -> _Parser:
    plan = _add(commands, "plan", "which agents' samplers to upgrade, without running anything")
    _add_experiment(plan)
    _add_method(plan)
    plan.add_argument(
        "--upgrade",
        default="srw:srrw",
        metavar="FROM:TO,…",
        help="samplers, TO as a name or a TOML table (default: srw:srrw)",
    )
    plan.add_argument(
        "--against",
        default="nbrw",
        metavar="SAMPLER",
        help="moderate upgrade of all that is to be beaten (default: nbrw)",
    )
    plan.add_argument("--variant", metavar="NAME", help="variant to upgrade (default: the first)")
    goal = plan.add_mutually_exclusive_group()
    goal.add_argument("--budget", type=int, metavar="K", help="upgrade K agents")
    goal.add_argument("--target-mse", type=float, metavar="X", help="reach an MSE at the last step")
    goal.add_argument("--match", metavar="VARIANT", help="reach the MSE of another variant")
    return plan


def _add_method(parser: _Parser) -> None:
    parser.add_argument(
        "--method",
        choices=["auto", "linear", "paths"],
        default="auto",
        help="linear recursion, sampled paths, or paths where noise is not white (default: auto)",
    )
    parser.add_argument(
        "--paths", type=_paths, metavar="T", help="paths of each agent (default: for 2 %% error)"
    )


def _paths(text: str) -> int:
    if not text.isdecimal() or int(text) < 2:
        raise argparse.ArgumentTypeError(f"expected 2 or more, got {text!r}")
    return int(text)


def _add_inspect(commands: "Commands") -> _Parser:
    inspect = _add(commands, "inspect", "say what a result file holds")
    inspect.add_argument("file", type=Path, metavar="FILE", help="result file (.h5)")
    return inspect


def _add_report(commands: "Commands") -> _Parser:
    report = _add(commands, "report", "table and figure of a result file")
    report.add_argument("file", type=Path, metavar="FILE", help="result file (.h5)")
    report.add_argument(
        "--figure", type=Path, metavar="IMAGE", help="png, pdf or svg (default: FILE as .png)"
    )
    report.add_argument(
        "--x",
        choices=["step", "time", "bytes"],
        default="step",
        help="draw against steps, simulated seconds, or bytes exchanged (default: step)",
    )
    report.add_argument(
        "--show",
        choices=["mse", "scaled", "last", "agents", "consensus", "topology"],
        default="mse",
        help="figure: MSE, MSE/γₙ, both at the last step, agents' Tr V_i, consensus, topology",
    )
    report.add_argument(
        "--style",
        choices=["screen", "paper"],
        default="screen",
        help="for a screen, or for one column of a paper (default: screen)",
    )
    report.add_argument("--csv", type=Path, metavar="FILE", help="write the curves too")
    return report


def _add_reproduce(commands: "Commands") -> _Parser:
    reproduce = _add(
        commands, "reproduce", "run the paper's experiments, and say which claims hold"
    )
    reproduce.add_argument(
        "names", nargs="+", metavar="NAME", help="fig2a … fig2f, upgrade, …, or all"
    )
    reproduce.add_argument(
        "--quick", action="store_true", help="half a minute each, on other data and graphs"
    )
    reproduce.add_argument(
        "--weight",
        choices=["unbiased", "literal"],
        help="importance weight (default: the experiment's, unbiased; literal: the paper's eq. 91)",
    )
    reproduce.add_argument(
        "--output-dir",
        type=Path,
        default=Path("results"),
        metavar="FOLDER",
        help="where results and report.html go (default: results)",
    )
    reproduce.add_argument("--markdown", type=Path, metavar="FILE", help="write the verdicts too")
    reproduce.add_argument("--force", action="store_true", help="compute anew what is there")
    reproduce.add_argument(
        "--set", action="append", default=[], metavar="SECTION.KEY=VALUE", help="another setting"
    )
    _add_survival(reproduce)
    reproduce.set_defaults(emulate=False)
    return reproduce


def _add_extend(commands: "Commands") -> _Parser:
    extend = _add(commands, "extend", "add steps or trials to a result file: mpirun -n N udsgd …")
    extend.add_argument("file", type=Path, metavar="FILE", help="result file (.h5)")
    extend.add_argument("--steps", type=int, metavar="M", help="steps in all")
    extend.add_argument("--trials", metavar="+T", help="trials to add")
    _add_survival(extend)
    extend.set_defaults(force=False, emulate=False)
    return extend


def _add_merge(commands: "Commands") -> _Parser:
    merge = _add(commands, "merge", "join result files of trials or variants that were run apart")
    merge.add_argument("output", type=Path, metavar="OUT.h5", help="file to write")
    merge.add_argument("parts", type=Path, nargs="+", metavar="PART.h5", help="complete results")
    merge.add_argument("--force", action="store_true", help="overwrite OUT.h5")
    return merge


def _add_watch(commands: "Commands") -> _Parser:
    watch = _add(commands, "watch", "follow a run by its result file")
    watch.add_argument("file", type=Path, metavar="FILE", help="result file (.h5)")
    watch.add_argument(
        "--every", type=_seconds, default=2.0, metavar="2s", help="time between looks (default: 2s)"
    )
    watch.add_argument("--once", action="store_true", help="say how it is now")
    return watch


def _add_submit(commands: "Commands") -> _Parser:
    submit = _add(commands, "submit", "run an experiment on a Slurm cluster, as long as it takes")
    _add_experiment(submit)
    _add_survival(submit)
    submit.add_argument("--force", action="store_true", help="overwrite the result file")
    submit.add_argument("--nodes", type=_from(1), metavar="N", help="default: as Slurm likes")
    ranks = submit.add_mutually_exclusive_group()
    ranks.add_argument(
        "--ranks", type=_from(1), metavar="P", help="ranks in all (default: one for each agent)"
    )
    ranks.add_argument(
        "--tasks-per-node", type=_from(1), metavar="K", help="ranks on each node, instead"
    )
    submit.add_argument(
        "--time",
        type=_time_limit,
        metavar="2h|1-00:00:00",
        help="of each start; the job goes on from where it was (default: the partition's)",
    )
    submit.add_argument(
        "--array",
        type=_array,
        action="append",
        default=[],
        metavar="trials=K|variants",
        help="a job array over parts of the trials, over variants, or over both, and a job that"
        " merges its files",
    )
    submit.add_argument(
        "--restarts",
        type=_from(0),
        default=20,
        metavar="N",
        help="how often a job whose time is over, or whose node fails, starts again (default: 20)",
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


def _from(least: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        if not re.fullmatch(r"\d{1,9}", text) or int(text) < least:
            message = f"expected a number from {least} on, got {text!r}"
            raise argparse.ArgumentTypeError(message)
        return int(text)

    return number


def _time_limit(text: str) -> float:
    from udsgd_mpi.cluster.times import seconds_of

    seconds = seconds_of(text)
    return _seconds(text) if seconds is None else float(seconds)


def _array(text: str) -> int | None:
    if text == "variants":
        return None
    key, _, value = text.partition("=")
    if key != "trials":
        message = f"expected trials=K or variants, got {text!r}"
        raise argparse.ArgumentTypeError(message)
    return _from(1)(value)


def _add_status(commands: "Commands") -> _Parser:
    status = _add(commands, "status", "how a submitted run is, task by task")
    status.add_argument("file", type=Path, metavar="OUTPUT", help="its result file (.h5)")
    return status


def _add_doctor(commands: "Commands") -> _Parser:
    doctor = _add(commands, "doctor", "what is wrong with this machine, and what mends it")
    doctor.add_argument(
        "--clean", action="store_true", help="remove shared memory that ended runs have left"
    )
    return doctor


def _add_diagnose(commands: "Commands") -> _Parser:
    diagnose = _add(commands, "diagnose", "how well a sampler explores a data graph")
    diagnose.add_argument("sampler", metavar="SAMPLER", help="name, or a TOML table")
    diagnose.add_argument("graph", metavar="NAME|FILE", help="generator, or graph file")
    diagnose.add_argument("-n", "--points", type=int, metavar="B", help="points of a generator")
    diagnose.add_argument("--steps", type=int, default=10_000, help="default: 10000")
    diagnose.add_argument("--trials", type=int, default=100, help="default: 100")
    diagnose.add_argument("--seed", type=int, default=1, help="default: 1")
    diagnose.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="parameter of the graph"
    )
    return diagnose


def _add_topology(commands: "Commands") -> _Parser:
    topology = _add(commands, "topology", "degrees, diameter and spectral gap of a topology")
    topology.add_argument("source", metavar="NAME|FILE", help="generator, or graph file")
    topology.add_argument("-n", "--agents", type=int, metavar="N", help="agents of a generator")
    topology.add_argument("--seed", type=int, default=1, help="of a random generator (default: 1)")
    topology.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="parameter, e.g. k=6"
    )
    topology.add_argument(
        "--figure", type=Path, metavar="IMAGE", help="drawing: png, pdf or svg (default: NAME.png)"
    )
    topology.add_argument("--save", type=Path, metavar="FILE", help="write the edge list")
    return topology


def _add(commands: "Commands", name: str, purpose: str) -> _Parser:
    return commands.add_parser(name, help=purpose, description=purpose, allow_abbrev=False)
