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


def subcommand(commands: "Commands", name: str, purpose: str) -> Parser:
    """The parser of a new subcommand."""
    return commands.add_parser(name, help=purpose, description=purpose, allow_abbrev=False)
