"""``udsgd completion``."""

from argparse import Namespace
from pathlib import Path

import shtab

from udsgd_mpi.cli.arguments import parsers
from udsgd_mpi.experiment import shipped, templates
from udsgd_mpi.support.launcher import launched_rank


def command(arguments: Namespace) -> None:
    """Print the script that a shell reads."""
    if launched_rank() > 0:
        return
    parser, commands = parsers()
    commands.help = "what to do"  # those whose help is suppressed are not completed
    for each in commands.choices.values():
        for action in each._actions:  # noqa: SLF001 - argparse has no public list of them
            if action.type is Path:
                action.complete = shtab.FILE  # type: ignore[attr-defined]
            elif action.dest in _NAMES:
                action.choices = _NAMES[action.dest]()
    print(shtab.complete(parser, arguments.shell))


_NAMES = {"situation": templates.names, "names": shipped.names}
