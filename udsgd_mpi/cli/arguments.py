"""Arguments of the command line."""

import argparse
import re
import shlex
from collections.abc import Sequence
from pathlib import Path

from udsgd_mpi.cli.flags.beginning import add_completion, add_new
from udsgd_mpi.cli.flags.cluster import add_status, add_submit
from udsgd_mpi.cli.flags.parser import Commands, Parser
from udsgd_mpi.cli.flags.plugins import add_check
from udsgd_mpi.cli.flags.results import (
    add_infer,
    add_inspect,
    add_merge,
    add_report,
    add_reproduce,
    add_watch,
)
from udsgd_mpi.cli.flags.running import add_extend, add_run
from udsgd_mpi.cli.flags.surroundings import add_doctor, add_topology
from udsgd_mpi.cli.flags.theory import add_diagnose, add_plan, add_predict, add_tune
from udsgd_mpi.support.errors import ConfigurationError, nearest
from udsgd_mpi.support.one_line import require_one_line
from udsgd_mpi.support.version import __version__

_PURPOSE = """\
Unified Distributed SGD on MPI ranks. Without a command: run.
udsgd COMMAND --help says more, with an example."""

_EXIT_CODES = """\
exit codes: 0 done, 2 usage or configuration, 70 internal error, 74 output not written,
75 stopped early and resumable"""

_WIDEST = 12  # characters of a command's name, and a gap

_GROUPS = {
    "run": (add_new, add_run, add_extend, add_watch, add_merge, add_reproduce),
    "understand": (add_report, add_infer, add_inspect, add_diagnose, add_topology, add_check),
    "plan": (add_predict, add_plan, add_tune),
    "cluster": (add_submit, add_status, add_doctor),
    "shell": (add_completion,),
}


def parsers() -> tuple[Parser, Commands]:
    """The parser of the command line, and the action that chooses between subcommands."""
    parser = Parser(
        prog="udsgd",
        usage="udsgd [-h] [--version] COMMAND …",
        epilog=_EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"udsgd_mpi {__version__}")
    # Its own list would be one of all commands, so the description has one for each group.
    commands = parser.add_subparsers(
        dest="command", required=True, prog="udsgd", help=argparse.SUPPRESS
    )
    lines = [_PURPOSE]
    for group, adds in _GROUPS.items():
        made = {add.__name__.removeprefix("add_"): add(commands) for add in adds}
        lines += ["", f"{group}:"]
        lines += [f"  {name:{_WIDEST}}{each.description}" for name, each in made.items()]
    parser.description = "\n".join(lines)
    return parser, commands


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Arguments of a subcommand; without one, those of ``run``.

    Raises
    ------
    ConfigurationError
        For an unknown flag (with the nearest known one) or a missing value.
    """
    parser, commands = parsers()
    subparsers = commands.choices
    for word in argv:
        require_one_line(word, "argument")
    argv = _with_resume_as_one(argv)
    if argv and _looks_like_a_subcommand(argv[0]) and argv[0] not in subparsers:
        raise ConfigurationError(
            f"unknown subcommand {argv[0]!r}: {nearest(argv[0], subparsers)}; an experiment is a"
            " file such as my.toml"
        )
    named = argv and argv[0] in (*subparsers, "-h", "--help", "--version")
    arguments, unknown = parser.parse_known_args(argv if named else ["run", *argv])
    if unknown:
        flags = re.findall(r"--[a-z-]+", subparsers[arguments.command].format_usage())
        raise ConfigurationError(
            f"unknown argument {unknown[0]!r}: {nearest(unknown[0].split('=')[0], flags)}"
        )
    arguments.typed = shlex.join(["udsgd", *argv])
    return arguments


def _looks_like_a_subcommand(word: str) -> bool:
    return re.fullmatch(r"[\w-]+", word) is not None and word[0] != "-" and not Path(word).exists()


def _with_resume_as_one(argv: Sequence[str]) -> list[str]:
    """Arguments with ``--resume [auto]`` as one word, so that no file name is taken for it."""
    joined: list[str] = []
    for word in argv:
        if word == "auto" and joined[-1:] == ["--resume=required"]:
            joined[-1] = "--resume=auto"
        else:
            joined.append("--resume=required" if word == "--resume" else word)
    return joined
