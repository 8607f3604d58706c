"""``udsgd new``."""

import shlex
from argparse import Namespace
from pathlib import Path

from udsgd_mpi.analysis.layout import aligned
from udsgd_mpi.experiment.templates import Template, names
from udsgd_mpi.support.atomic_file import replace_file
from udsgd_mpi.support.destination import Destination, check_destinations
from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.support.launcher import launched_rank


def command(arguments: Namespace) -> None:
    """Write an experiment for a situation, or list the situations."""
    if launched_rank() > 0:
        return
    if arguments.situation is None:
        if arguments.output is not None:
            raise ConfigurationError(
                f"new: expected a situation to write {arguments.output} for, one of"
                f" {', '.join(names())}; got none"
            )
        print(aligned([[name, Template(name).purpose] for name in names()], left=(0, 1)))
        print("\nudsgd new NAME writes NAME.toml, or --output FILE")
        return
    _write(Template(arguments.situation), arguments)


def _write(template: Template, arguments: Namespace) -> None:
    experiment = arguments.output or Path(f"{template.name}.toml")
    contents = {Destination(f"experiment {experiment}", experiment): template.text.encode()}
    if template.table:
        table = experiment.parent / template.table.name
        contents[Destination(f"table {table}", table)] = template.table.read_bytes()
    check_destinations([*contents], {}, force=arguments.force)
    for destination, content in contents.items():
        replace_file(destination.path, content)
        print(f"wrote {destination.name}")
    print(f"next: udsgd run {shlex.quote(str(experiment))} --dry-run")
