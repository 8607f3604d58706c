"""What all subcommands' parsers share."""

import argparse
from typing import NoReturn, TypeAlias

from udsgd_mpi.support.errors import ConfigurationError

# argparse has no public name for what add_subparsers gives.
Commands: TypeAlias = "argparse._SubParsersAction[Parser]"  # noqa: SLF001


class Parser(argparse.ArgumentParser):
    """A parser whose errors are the user's to fix."""

    def error(self, message: str) -> NoReturn:
        raise ConfigurationError(f"{message}; see {self.prog} --help")


def subcommand(commands: "Commands", name: str, purpose: str, example: str) -> Parser:
    """The parser of a new subcommand.

    Parameters
    ----------
    example
        A command line that it takes.
    """
    return commands.add_parser(
        name,
        help=purpose,
        description=purpose,
        epilog=f"example: {example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
