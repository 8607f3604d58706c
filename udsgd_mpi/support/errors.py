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
    """The results could not be written.

    Attributes
    ----------
    known_to_all
        Whether all ranks raise it, rather than the one that writes.
    """

    known_to_all = False

    @classmethod
    def of_all(cls, message: str) -> "OutputError":
        """One that all ranks raise."""
        error = cls(message)
        error.known_to_all = True
        return error


class Stopped(Exception):  # noqa: N818 - not an error: the job was asked to stop and can be resumed
    """The run ended before its last step, and a checkpoint was written."""


class JobFailed(RuntimeError):  # noqa: N818 - what failed is a job of other processes
    """Ranks that were started ended in a way that is neither the user's nor the disk's fault."""


def is_known_to_all(error: BaseException) -> bool:
    """Whether all ranks of a job raise an error, so that none waits for the one that did."""
    if isinstance(error, OutputError):
        return error.known_to_all
    return isinstance(error, ConfigurationError | Stopped) and not isinstance(error, LocalError)


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
    return f"{hint}Known: {', '.join(words) or 'none'}"
