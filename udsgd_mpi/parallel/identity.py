"""Whether all ranks are about to run the same experiment with the same code."""

from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path

from mpi4py import MPI

from udsgd_mpi.experiment.read import to_toml
from udsgd_mpi.problem import Problem
from udsgd_mpi.support.digests import digest
from udsgd_mpi.support.errors import ConfigurationError

_LIBRARIES = ("numba", "numpy", "scipy")


def identity(problems: Mapping[str, Problem]) -> dict[str, str]:
    """What must be the same on every rank, by name."""
    sources = sorted(Path(__file__).parent.parent.rglob("*.py"))
    settings = to_toml({name: problem.experiment for name, problem in problems.items()})
    inputs = {
        f"the {what} of [variant.{name}]": value
        for name, problem in problems.items()
        for what, value in problem.digests.shared.items()
    }
    return {
        "the sources of udsgd_mpi": digest(*(path.read_bytes() for path in sources)),
        "the versions of libraries": ", ".join(f"{name} {version(name)}" for name in _LIBRARIES),
        "the configuration": digest(settings.encode()),
        **inputs,
    }


def check_identity(comm: MPI.Intracomm, mine: Mapping[str, str]) -> None:
    """Refuse ranks that differ from rank 0.

    Raises
    ------
    ConfigurationError
        On every rank; says which rank differs, on which host and in what.
    """
    found = comm.allgather((MPI.Get_processor_name(), dict(mine)))
    first_host, expected = found[0]
    for rank, (host, got) in enumerate(found):
        for name in expected | got:
            if got.get(name) != expected.get(name):
                raise ConfigurationError(
                    f"rank {rank} on {host} differs from rank 0 on {first_host} in {name}: expected"
                    f" {expected.get(name)}, got {got.get(name)}; install the same versions on all"
                    " hosts, and give them the same files"
                )
