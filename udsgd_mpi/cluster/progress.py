"""How far a task is, by its result file and the last lines of its log."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from udsgd_mpi.storage.read import open_result_file
from udsgd_mpi.support.progress import last_line

_TAIL = 20_000


class Advance(NamedTuple):
    """What a task has done.

    Attributes
    ----------
    status
        That of the result file; ``"not begun"`` where there is none.
    steps, of
        Steps done and to be done over all variants.
    rate
        Steps a second by the log's last line; None where it has none.
    """

    status: str
    steps: int
    of: int
    rate: float | None

    @property
    def seconds_left(self) -> float | None:
        """Time for the remaining steps at the present rate."""
        return (self.of - self.steps) / self.rate if self.rate else None


def advance(output: Path, log: Path, steps: Mapping[str, int]) -> Advance:
    """How far a task is.

    Parameters
    ----------
    steps
        Steps to be done of each variant.

    Raises
    ------
    ConfigurationError
        If there is a result file that can't be read.
    """
    of = sum(steps.values())
    done = dict.fromkeys(steps, 0)
    status = "not begun"
    if output.exists():
        with open_result_file(output) as file:
            status = str(file.attrs["status"])
            for name, run in file["runs"].items():
                done[name] = int(run["step"][-1])
    line = last_line(_end_of(log))
    if line is None or status == "complete":
        return Advance(status, sum(done.values()), of, None)
    done[line.name] = max(done.get(line.name, 0), line.n)
    return Advance(status, sum(done.values()), of, line.rate)


def _end_of(log: Path) -> str:
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _TAIL))
            return file.read().decode(errors="replace")
    except OSError:
        return ""
