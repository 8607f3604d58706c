"""Which properties of its contract a member breaks."""

from tests.contracts import WithoutRuns
from udsgd_mpi.testing import Contract
from udsgd_mpi.testing.verdicts import Outcome, verdicts


def failing(contract: type[Contract], attribute: str, member: object) -> list[str]:
    """Properties that a member breaks."""
    own = type("Own", (WithoutRuns, contract), {attribute: member})()
    return [name for outcome, name, _ in verdicts(own) if outcome == Outcome.FAILED]
