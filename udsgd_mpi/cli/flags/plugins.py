"""Flags of what looks at a user's own code."""

from udsgd_mpi.cli.flags.parser import Commands, Parser, subcommand

_FAMILIES = ("sampler", "communication", "objective", "partition", "data", "method")


def add_check(commands: Commands) -> Parser:
    """Flags of ``check``."""
    check = subcommand(
        commands,
        "check",
        "try a plug-in against the contract of its family",
        "udsgd check mine:LazyWalk --arguments '{ stay = 0.4 }'",
    )
    check.add_argument(
        "plugin",
        metavar="MODULE:CLASS",
        help="or file.py:Class, or an installed name with --family",
    )
    check.add_argument(
        "--family", choices=_FAMILIES, help="what it is (default: by the methods of the class)"
    )
    check.add_argument(
        "--arguments",
        default="{}",
        metavar="TABLE",
        help="keyword arguments of the class, a TOML table (default: {})",
    )
    return check
