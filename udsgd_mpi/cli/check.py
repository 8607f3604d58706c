"""``udsgd check``."""

from argparse import Namespace

from udsgd_mpi.cli.settings import value_of
from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.support.launcher import before_mpi, launched_size
from udsgd_mpi.support.one_line import shown


def command(arguments: Namespace) -> None:
    """Try a plug-in against the contract of its family, and print a line for each property."""
    before_mpi()
    if launched_size() > 1:
        raise ConfigurationError(
            f"check: expected one process, got {launched_size()} ranks; start it without mpirun,"
            " it starts ranks itself"
        )
    from udsgd_mpi.testing.families import contract_of, family_of
    from udsgd_mpi.testing.verdicts import Outcome, verdicts

    path = arguments.plugin
    given = value_of(arguments.arguments)
    if not isinstance(given, dict):
        raise ConfigurationError(
            "--arguments: expected a TOML table such as '{ l2 = 0.1 }', got"
            f" {shown(arguments.arguments)}"
        )
    family = arguments.family or family_of(path)
    contract = contract_of(family, path, given)
    print(f"{family} {path}", flush=True)
    failed = 0
    for outcome, name, said in verdicts(contract):
        failed += outcome == Outcome.FAILED
        reason = f": {said}" if said else ""
        print(f"{outcome:11}  {name}{reason}", flush=True)
    if failed:
        raise ConfigurationError(
            f"check: expected {family} {path} to keep its contract, got"
            f" {failed} broken propert{'y' if failed == 1 else 'ies'}; see FAILED"
        )
