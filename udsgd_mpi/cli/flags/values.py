"""What the words behind flags stand for."""

import argparse
import re
from collections.abc import Callable
from pathlib import Path

from udsgd_mpi.support import durations
from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.support.input_file import decoded, require_regular_file
from udsgd_mpi.support.one_line import shown

_MOST_TASKS = 100_000
_LARGEST_SEED = 2**63 - 1


def seconds(text: str) -> float:
    """A time such as 90s, 5m, 2h or 1h30m."""
    try:
        return durations.seconds_of(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def time_or_steps(text: str) -> tuple[float | None, int | None]:
    """Seconds, or a number of steps; the other is None."""
    if text.isdecimal() and int(text) > 0:
        return None, int(text)
    return seconds(text), None


def at_least(least: int, most: int = 999_999_999) -> Callable[[str], int]:
    """Make what reads a whole number from ``least`` to ``most``."""

    def number(text: str) -> int:
        wanted = f"from {least} on"
        if re.fullmatch(r"\d{1,4000}", text) and int(text) >= least:
            if int(text) <= most:
                return int(text)
            wanted = f"up to {most:,}"
        message = f"expected a number {wanted}, got {shown(text)}"
        raise argparse.ArgumentTypeError(message)

    return number


def time_limit(text: str) -> float:
    """Seconds of a time, also as Slurm writes it."""
    from udsgd_mpi.cluster.times import seconds_of

    of_slurm = seconds_of(text)
    return seconds(text) if of_slurm is None else float(of_slurm)


def array(text: str) -> int | None:
    """Number of parts of ``trials=K``; None for ``variants``."""
    if text == "variants":
        return None
    key, _, value = text.partition("=")
    if key != "trials":
        message = f"expected trials=K or variants, got {text!r}"
        raise argparse.ArgumentTypeError(message)
    return at_least(1, _MOST_TASKS)(value)


def positive(text: str) -> float:
    """A finite number above 0."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        message = f"expected a number above 0, got {shown(text)}"
        raise argparse.ArgumentTypeError(message)
    return number


def intervals(text: str) -> list[int | str]:
    """Steps between aggregations, with commas between: numbers, ``log`` or ``loglog``."""
    number = at_least(1)
    words = [word.strip() for word in text.split(",")]
    return [word if word in ("log", "loglog") else number(word) for word in words]


def numbers(text: str) -> list[float]:
    """Numbers with commas or spaces between, or those in a file of that name."""
    try:
        return _numbers_of(text)
    except ValueError:
        pass
    name = f"file {shown(text)}"
    try:
        require_regular_file(Path(text), name)
        return _numbers_of(decoded(Path(text).read_bytes()))
    except OSError as error:
        message = f"expected numbers with commas between, or a file of them, got {shown(text)}"
        raise argparse.ArgumentTypeError(f"{message} ({error.strerror or error})") from error
    except ConfigurationError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{name}: expected numbers; {error}") from error


def _numbers_of(text: str) -> list[float]:
    return [float(word) for word in text.replace(",", " ").split()]


seed = at_least(0, _LARGEST_SEED)
