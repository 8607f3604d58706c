"""Slurm's way of writing times."""

import math
import re

_PATTERN = re.compile(r"(?:(\d+)-)?(\d+):(\d\d):(\d\d)")


def slurm_time(seconds: float) -> str:
    """A time limit as sbatch takes it, rounded up to whole seconds.

    Examples
    --------
    >>> slurm_time(5400)
    '01:30:00'
    >>> slurm_time(100_000)
    '1-03:46:40'
    """
    minutes, second = divmod(math.ceil(seconds), 60)
    hours, minute = divmod(minutes, 60)
    days, hour = divmod(hours, 24)
    return (f"{days}-" if days else "") + f"{hour:02}:{minute:02}:{second:02}"


def seconds_of(text: str) -> int | None:
    """Seconds of ``[days-]hours:minutes:seconds``; None for anything else."""
    match = _PATTERN.fullmatch(text)
    if match is None:
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds
