"""Flags of what helps to begin."""

from pathlib import Path

from udsgd_mpi.cli.flags.parser import Commands, Parser, subcommand


def add_new(commands: Commands) -> Parser:
    """Flags of ``new``."""
    new = subcommand(
        commands,
        "new",
        "write an experiment to start from, with comments",
        "udsgd new compare-samplers --output mine.toml",
    )
    new.add_argument(
        "situation", nargs="?", metavar="NAME", help="what it is for (default: list all)"
    )
    new.add_argument(
        "--output", type=Path, metavar="FILE", help="file to write (default: NAME.toml)"
    )
    new.add_argument(
        "--force", action="store_true", help="replace files that are there, a sample table's too"
    )
    return new


def add_completion(commands: Commands) -> Parser:
    """Flags of ``completion``."""
    completion = subcommand(
        commands,
        "completion",
        "print what makes a shell complete commands, flags and files",
        "udsgd completion bash > ~/.local/share/bash-completion/completions/udsgd",
    )
    completion.add_argument("shell", choices=["bash", "zsh", "fish"], help="which shell")
    return completion
