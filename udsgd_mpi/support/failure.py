"""Why a program ends: said on standard error, or to a process that waits for it to end."""

import json
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from udsgd_mpi.support.errors import ExitCode
from udsgd_mpi.support.progress import end_line

# Names a file in which the process that started the ranks looks for the reason. Lines on standard
# error come with those of the launcher, and an exit code may be the launcher's own.
VARIABLE = "UDSGD_FAILURE"


class Failure(NamedTuple):
    """Why a program ended before it was done."""

    code: ExitCode
    message: str


def tell_failure(code: ExitCode, message: str, heading: str = "udsgd: error: ") -> None:
    """Say why this program ends.

    Parameters
    ----------
    heading
        Stands before the message on standard error, if that is where it is said.
    """
    if place := os.environ.get(VARIABLE):
        with suppress(OSError):  # on another host; then it is a line among others
            Path(place).write_text(json.dumps([code, message]), encoding="utf-8")
            return
    end_line()
    sys.stderr.write(f"{heading}{message.rstrip()}\n")
    sys.stderr.flush()


def told_failure(place: Path) -> Failure | None:
    """What ranks have said in a file; None where they said nothing."""
    try:
        code, message = json.loads(place.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return Failure(ExitCode(code), message)
