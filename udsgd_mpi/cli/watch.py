"""``udsgd watch``."""

import sys
import time
from argparse import Namespace
from pathlib import Path

from udsgd_mpi.engine.measures import HEADLINES
from udsgd_mpi.storage.read import open_result_file
from udsgd_mpi.support.errors import ConfigurationError


def command(arguments: Namespace) -> None:
    """Print a line for each new state of a result file until its run ends."""
    before = None
    while True:
        line, status = _state(arguments.file)
        if line != before:
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()
            before = line
        if status != "running" or arguments.once:
            return
        time.sleep(arguments.every)


def _state(path: Path) -> tuple[str, str]:
    with open_result_file(path) as file:
        status = file.attrs["status"]
        written = file.attrs["written"]
        if len(file["runs"]) == 0:
            return f"{written}  {status}  no steps recorded yet", status
        name, run = list(file["runs"].items())[-1]
        if len(run["step"]) == 0:
            raise ConfigurationError(f"results {path}: expected recorded steps, got none")
        measure, shown = next((m, shown) for m, shown in HEADLINES.items() if m in run)
        n, values = run["step"][-1], run[measure][-1]
        line = f"{written}  {status}  {name}  n = {n:,}  {shown} = {values.mean():.4g}"
        return line, status
