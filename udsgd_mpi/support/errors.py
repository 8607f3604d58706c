"""Errors that a user can fix, and the exit codes that scripts can rely on."""

from collections.abc import Iterable
from difflib import get_close_matches
from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of every subcommand (after BSD's sysexits)."""

    DONE = 0
    USAGE = 2
    INTERNAL = 70
    INPUT_OUTPUT = 74
    STOPPED = 75


class ConfigurationError(ValueError):
    """Something in the user's hands is wrong; the message says what, and what to do."""


class LocalError(ConfigurationError):
    """One that was raised on one rank, and that the others know of only where all agree."""


class OutputError(OSError):
    """The results could not be written."""


class Stopped(Exception):  # noqa: N818 - not an error: the job was asked to stop and can be resumed
    """The run ended before its last step, and a checkpoint was written."""


def nearest(word: str, known: Iterable[str]) -> str:
    """``"did you mean 'x'? "`` where a known word is close, and the list of known words.

    Examples
    --------
    >>> nearest("stpes", ["steps", "trials"])
    "did you mean 'steps'? Known: steps, trials"
    """
    words = sorted(known)
    close = get_close_matches(word, words, n=1)
    hint = f"did you mean {close[0]!r}? " if close else ""
    return f"{hint}Known: {', '.join(words)}"
