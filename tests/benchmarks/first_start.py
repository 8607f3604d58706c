# ruff: noqa: T201
"""Time of a first start, whose kernels no cache holds.

Ranks of a host compile a share each, as many at once as there are cores; in turns with one rank.
"""

import os
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from tests.launch import python

LOAD = """
from udsgd_mpi.support.launcher import before_mpi
before_mpi()
from mpi4py import MPI
from udsgd_mpi.parallel.loading import load_in_turn
load_in_turn(MPI.COMM_WORLD)
"""
REPEATS = 3


def seconds(ranks: int) -> float:
    """From mpirun to its end, with an empty cache."""
    with TemporaryDirectory() as folder:
        began = time.monotonic()
        done = python(
            *("-c", LOAD),
            ranks=ranks,
            cwd=Path(__file__).parents[2],
            timeout=1200,
            NUMBA_CACHE_DIR=folder,
        )
    if done.returncode:
        sys.exit(done.stderr)
    return time.monotonic() - began


def main() -> None:
    """Print the table."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    counts = [int(count) for count in sys.argv[1:]] or [2, 4]
    found: dict[int, list[float]] = {count: [] for count in (1, *counts)}
    for _ in range(REPEATS):
        for count, times in found.items():
            times.append(seconds(count))
    print(f"| ranks | seconds, median (min–max) of {REPEATS} | / one rank |\n|---|---|---|")
    for count, times in found.items():
        ratio = median(a / b for a, b in zip(times, found[1], strict=True))
        spread = f"{median(times):.1f} ({min(times):.1f}–{max(times):.1f})"
        print(f"| {count} | {spread} | {ratio:.2f} |")


if __name__ == "__main__":
    main()
