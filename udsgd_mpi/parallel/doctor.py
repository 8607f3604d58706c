"""What may keep a run from starting, or slow it down, on this machine, and the remedies."""

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from mpi4py import MPI

from udsgd_mpi.kernels.cache import cache_folder, trusted_cache
from udsgd_mpi.parallel.machine import Host, hosts_of
from udsgd_mpi.support.launcher import launched_size

_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 - where MPI libraries keep theirs
_BYTES_FOR_A_RANK = 16 * 2**20
_LEFTOVERS = ("mpich_shm_*", "sm_segment.*", "vader_segment.*")


class Finding(NamedTuple):
    """A check: whether it passed, what was seen, and the command that fixes it."""

    name: str
    well: bool
    seen: str
    remedy: str = ""


def findings(comm: MPI.Intracomm) -> list[Finding]:
    """All checks; collective, but only rank 0 checks more than its host."""
    hosts = hosts_of(comm)
    if comm.rank > 0:
        return []
    return [
        _world(comm.size),
        _launcher(),
        *_ranks_per_core(hosts),
        _threads(),
        _shared_memory(max(host.ranks for host in hosts)),
        *_slurm(),
        _folder(),
        _locks(),
        _kernels(),
    ]


def _world(size: int) -> Finding:
    started = launched_size()
    vendor = " ".join([MPI.get_vendor()[0], ".".join(map(str, MPI.get_vendor()[1]))])
    return Finding(
        "MPI",
        size == started,
        f"{vendor}, one world of {size} of {started} processes",
        f"{_own_mpirun()} -n {started} …, or under Slurm srun --mpi=pmi2 (MPICH), pmix (Open MPI)",
    )


def _launcher() -> Finding:
    found, own = shutil.which("mpirun"), _own_mpirun()
    if found is None:
        return Finding("mpirun", False, "not on PATH", f"export PATH={own.parent}:$PATH")
    text = _output_of(found, "--version")
    wanted = "Open MPI" if MPI.get_vendor()[0] == "Open MPI" else "HYDRA"
    fits = wanted in text or (wanted == "HYDRA" and "MPICH" in text)
    return Finding("mpirun", fits, found, f"export PATH={own.parent}:$PATH")


def _own_mpirun() -> Path:
    return Path(sys.executable).parent / "mpirun"


def _ranks_per_core(hosts: list[Host]) -> Iterator[Finding]:
    for host in hosts:
        yield Finding(
            "cores",
            host.ranks <= host.cores,
            f"{host.ranks} ranks on {host.cores} cores of {host.name}",
            f"mpirun -n {host.cores} … (agents share ranks: --agents N), or, where ranks must"
            " outnumber cores, export OMPI_MCA_mpi_yield_when_idle=1",
        )


def _threads() -> Finding:
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    many = {name: value for name in names if (value := os.environ.get(name, "1")) != "1"}
    return Finding(
        "threads",
        not many,
        ", ".join(f"{name}={value}" for name, value in many.items()) or "one for each rank",
        "udsgd run uses one by itself; elsewhere export OMP_NUM_THREADS=1",
    )


def _shared_memory(ranks: int) -> Finding:
    if not _SHARED_MEMORY.is_dir():
        return Finding(str(_SHARED_MEMORY), False, "missing", "mount -t tmpfs tmpfs /dev/shm")
    free = shutil.disk_usage(_SHARED_MEMORY).free
    left = leftovers()
    if left:
        size = sum(path.stat().st_size for path in left) / 2**20
        seen = f"{len(left)} segments left by earlier runs, {size:.0f} MiB"
        return Finding(str(_SHARED_MEMORY), False, seen, "udsgd doctor --clean")
    return Finding(
        str(_SHARED_MEMORY),
        free > ranks * _BYTES_FOR_A_RANK,
        f"{free / 2**20:.0f} MiB free",
        "mount -o remount,size=1G /dev/shm (containers: --shm-size=1g)",
    )


def leftovers() -> list[Path]:
    """Shared-memory segments of this user's MPI runs that no process has mapped."""
    found = {path for pattern in _LEFTOVERS for path in _SHARED_MEMORY.glob(pattern)}
    mine = {path for path in found if path.stat().st_uid == os.getuid()}
    mapped = set()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):  # it has ended, or is another user's
            maps = (process / "maps").read_text()
            mapped |= {path for path in mine if str(path) in maps}
    return sorted(mine - mapped)


def _slurm() -> Iterator[Finding]:
    if "SLURM_JOB_ID" not in os.environ:
        return
    wanted = "pmix" if MPI.get_vendor()[0] == "Open MPI" else "pmi2"
    offered = _output_of("srun", "--mpi=list")
    yield Finding(
        "PMI",
        wanted in offered,
        f"srun offers {' '.join(offered.split()[1:]) or 'nothing'}",
        f"ask for Slurm's {wanted} plugin, or UDSGD_LAUNCHER=mpirun sbatch launch/slurm.sbatch …",
    )


def _folder() -> Finding:
    here = Path.cwd()
    free = shutil.disk_usage(here).free
    return Finding(
        "folder",
        os.access(here, os.W_OK) and free > 100 * 2**20,
        f"{here}, {free / 2**30:.1f} GiB free",
        "--output FILE in another folder",
    )


def _locks() -> Finding:
    try:
        with tempfile.TemporaryFile(dir=Path.cwd()) as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return Finding("locks", False, error.strerror or str(error), "--output FILE elsewhere")
    return Finding("locks", True, "files can be locked")


def _kernels() -> Finding:
    folder = cache_folder()
    if folder is None:
        return Finding(
            "kernels", False, "no home directory to keep them in", "export XDG_CACHE_HOME=/a/folder"
        )
    if folder.exists() and trusted_cache() is None:
        return Finding(
            "kernels", False, f"{folder}, which other users can write to", f"rm -r {folder}"
        )
    existing = next(path for path in (folder, *folder.parents) if path.exists())
    state = "kernels compiled" if any(folder.rglob("*.nbi")) else "empty: the first run compiles"
    return Finding(
        "kernels",
        os.access(existing, os.W_OK),
        f"{folder}, {state}",
        "export NUMBA_CACHE_DIR=/a/folder/to/write/to",
    )


def _output_of(*command: str) -> str:
    try:
        done = subprocess.run(  # noqa: S603 - the commands are our own
            command, capture_output=True, text=True, timeout=10, check=False, env=_without_mpi()
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return done.stdout + done.stderr


def _without_mpi() -> dict[str, str]:
    """The environment without the launcher's variables for this rank."""
    told = ("PMI", "OMPI_", "PRTE_", "HYDRA", "MPI_")
    return {key: value for key, value in os.environ.items() if not key.startswith(told)}
