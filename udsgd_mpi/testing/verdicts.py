"""What comes out when a member is tried against its contract, without pytest."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import NamedTuple, NoReturn
from unittest import SkipTest

from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.testing.contract import Contract, ContractError
from udsgd_mpi.testing.runs import RunContract

_SECONDS = 60.0  # for a property without launches


class Outcome(StrEnum):
    """Of a property."""

    PASSED = "passed"
    FAILED = "FAILED"
    UNCHECKED = "not checked"


class Verdict(NamedTuple):
    """What came out.

    Attributes
    ----------
    name
        Of the property, in words.
    said
        Why it does not hold, or was not checked.
    """

    outcome: Outcome
    name: str
    said: str = ""


def verdicts(contract: Contract) -> Iterator[Verdict]:
    """Try one property after the other.

    It ends where the package itself refuses the member, or where the basis of the contract is
    broken. Runs come last, and only of a member that keeps everything else, since whatever is wrong
    shows there again.
    """
    names = contract.properties()
    launched = [name for name in names if name in vars(RunContract)]
    refused = failed = False
    for name in [name for name in names if name not in launched] + launched:
        words = name.removeprefix("test_").replace("_", " ")
        if refused or (failed and name in launched):
            yield Verdict(Outcome.UNCHECKED, words, "as it rests on the above")
            continue
        try:
            if name in launched:  # bounded by itself
                getattr(contract, name)()
            else:
                with _limited(_SECONDS):
                    getattr(contract, name)()
        except SkipTest as reason:
            yield Verdict(Outcome.UNCHECKED, words, str(reason))
        except (ContractError, ConfigurationError, TimeoutError) as error:
            refused, failed = not isinstance(error, ContractError) or name == contract.basis, True
            yield Verdict(Outcome.FAILED, words, str(error).partition("\n")[0])
        else:
            yield Verdict(Outcome.PASSED, words)


@contextmanager
def _limited(seconds: float) -> Iterator[None]:
    """Let what takes longer raise an error where it stands.

    Raises
    ------
    TimeoutError
        Where that is not within a user's code.
    """

    def late(*_: object) -> NoReturn:
        raise TimeoutError(f"expected an end within {seconds:.0f} s; look for an endless loop")

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
