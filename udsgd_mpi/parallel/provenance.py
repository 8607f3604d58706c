"""Where, when and with what a result was computed."""

import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version

from mpi4py import MPI

from udsgd_mpi.experiment.read import to_toml
from udsgd_mpi.experiment.schema import Experiment
from udsgd_mpi.parallel.machine import Host
from udsgd_mpi.support.version import __version__

_PACKAGES = ("h5py", "mpi4py", "networkx", "numba", "numpy", "scikit-learn", "scipy")


def provenance(
    experiments: Mapping[str, Experiment], hosts: Sequence[Host]
) -> dict[str, str | int]:
    """Root attributes of a result file."""
    first = next(iter(experiments.values()))
    libraries = {name for each in experiments.values() for name in each.objective.libraries}
    versions = {name: version(name) for name in [*_PACKAGES, *sorted(libraries)]}
    return {
        "configuration": to_toml(experiments),
        "seed": first.seed,
        "udsgd_mpi_version": __version__,
        "python_version": platform.python_version(),
        "package_versions": ", ".join(f"{name} {number}" for name, number in versions.items()),
        "mpi_library": MPI.Get_library_version().partition("\n")[0].strip("\0 "),
        "ranks": sum(host.ranks for host in hosts),
        "hosts": ", ".join(host.name for host in hosts),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
    }
