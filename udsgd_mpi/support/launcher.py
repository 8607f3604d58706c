"""What the launcher's environment says before MPI starts."""

import os
import re
from collections.abc import Mapping, MutableMapping

from udsgd_mpi.support.errors import ConfigurationError

# Each launcher's variables for (rank, size); srun sets Slurm's own beside those of PMI or PMIx.
_VARIABLES = (
    ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE"),
    ("PMI_RANK", "PMI_SIZE"),
    ("MPI_LOCALRANKID", "MPI_LOCALNRANKS"),
    ("SLURM_PROCID", "SLURM_STEP_NUM_TASKS"),
    ("SLURM_PROCID", "SLURM_NTASKS"),  # in a batch script, before any launcher
)


# Slurm's is a list over hosts such as "4(x2),3".
_LOCAL_SIZES = ("OMPI_COMM_WORLD_LOCAL_SIZE", "MPI_LOCALNRANKS", "SLURM_STEP_TASKS_PER_NODE")

_LOCAL_RANKS = ("OMPI_COMM_WORLD_LOCAL_RANK", "MPI_LOCALRANKID", "SLURM_LOCALID")

UNCOMPILED = "NUMBA_DISABLE_JIT: expected it not to be set, as kernels only run compiled; unset it"

# MPICH's heavy yield makes exchanges slower until ranks outnumber the cores many times.
_CROWD = 8


def before_mpi(*, for_good: bool = True) -> None:
    """Set what has an effect before MPI and NumPy are imported alone.

    What the user has set of MPI stays.

    Parameters
    ----------
    for_good
        Whether libraries may be kept to one thread as long as this process lives.

    Raises
    ------
    ConfigurationError
        If kernels may not be compiled, which ranks that load in turn would not learn together.
    """
    if os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0"):
        raise ConfigurationError(UNCOMPILED)
    ease_oversubscription()
    leave_networks_out()
    if for_good:
        use_one_thread()


def ease_oversubscription(
    environment: MutableMapping[str, str] = os.environ, available: int | None = None
) -> None:
    """Let waiting ranks leave the processor where they outnumber the cores of their host."""
    ranks = _launched_here(environment)
    available = available or cores()
    if ranks > available:
        environment.setdefault("OMPI_MCA_mpi_yield_when_idle", "1")
    if ranks > _CROWD * available:
        environment.setdefault("MPIR_CVAR_ENABLE_HEAVY_YIELD", "1")


def leave_networks_out(environment: MutableMapping[str, str] = os.environ) -> None:
    """Let Open MPI not look for networks where all ranks are on one host: it takes a second."""
    if _launched_here(environment) == launched_size(environment):
        environment.setdefault("OMPI_MCA_btl", "^ofi")


def use_one_thread(environment: MutableMapping[str, str] = os.environ) -> None:
    """Keep numerical libraries to one thread a rank.

    Ranks would fight for cores otherwise, and sums over threads depend on how many there are.
    """
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        environment[name] = "1"


def cores() -> int:
    """Number of processors that this process may use."""
    return len(processors())


def processors() -> set[int]:
    """The processors that this process may use: all, where the system does not say which."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS
        return os.sched_getaffinity(0)
    return set(range(os.cpu_count() or 1))


def launched_rank(environment: Mapping[str, str] = os.environ) -> int:
    """Rank that the launcher gave to this process; 0 without a launcher."""
    return _read(environment, 0, 0)


def local_rank(environment: Mapping[str, str] = os.environ) -> int:
    """Number of this process among those of its host; 0 without a launcher."""
    found = (environment.get(name, "") for name in _LOCAL_RANKS)
    return next((int(value) for value in found if value.isdecimal()), 0)


def launched_size(environment: Mapping[str, str] = os.environ) -> int:
    """Number of processes that the launcher started; 1 without a launcher."""
    return _read(environment, 1, 1)


def is_one_of_many(environment: Mapping[str, str] = os.environ) -> bool:
    """Whether a launcher has started this process as one of several; a batch script is none."""
    sizes = (environment.get(size, "") for _, size in _VARIABLES[:-1])
    return any(size.isdecimal() and int(size) > 1 for size in sizes)


def for_child(environment: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The environment of a launcher that this process starts, which may need more ranks than cores.

    What the user has set stays.
    """
    needed = {"PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe"}
    if os.geteuid() == 0:
        needed |= {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    return needed | dict(environment)


def refuse_singletons(size: int, environment: Mapping[str, str] = os.environ) -> None:
    """Refuse N worlds of size 1, which a launcher of another MPI library starts.

    Raises
    ------
    ConfigurationError
        If the communicator has size 1 although more processes were started.
    """
    started = launched_size(environment)
    if size == 1 and started > 1:
        raise ConfigurationError(
            f"MPI: expected one world of {started} ranks, got worlds of one: there is no launcher,"
            " or it belongs to an MPI library other than mpi4py's. Use the mpirun beside this"
            " Python; under Slurm srun --mpi=pmi2 (MPICH) or srun --mpi=pmix (Open MPI)"
        )


def _launched_here(environment: Mapping[str, str]) -> int:
    """Number of processes that the launcher started on the first host; 1 without a launcher."""
    found = [re.match(r"\d+", environment[name]) for name in _LOCAL_SIZES if name in environment]
    return int(found[0][0]) if found and found[0] else 1


def _read(environment: Mapping[str, str], which: int, default: int) -> int:
    for names in _VARIABLES:
        value = environment.get(names[which], "")
        if value.isdecimal():
            return int(value)
    return default
