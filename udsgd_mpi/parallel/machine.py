"""Ranks and cores of each host."""

import os
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from mpi4py import MPI

from udsgd_mpi.support.launcher import processors


class Host(NamedTuple):
    """A host, how many ranks it runs, and how many of its cores these may use together."""

    name: str
    ranks: int
    cores: int


def hosts_of(comm: MPI.Intracomm) -> list[Host]:
    """All hosts, in the order of their first ranks; collective.

    Ranks may be bound to different cores of a host, so that each sees its own alone.
    """
    cores: dict[str, set[int]] = {}
    ranks: dict[str, int] = {}
    for name, mine in comm.allgather((MPI.Get_processor_name(), processors())):
        cores.setdefault(name, set()).update(mine)
        ranks[name] = ranks.get(name, 0) + 1
    return [Host(name, ranks[name], len(cores[name])) for name in ranks]


def oversubscription(
    hosts: Sequence[Host], library: str, environment: Mapping[str, str] = os.environ
) -> str | None:
    """A remedy where ranks outnumber cores; None where they do not.

    Parameters
    ----------
    library
        Name of the MPI library.
    """
    crowded = [host for host in hosts if host.ranks > host.cores]
    if not crowded:
        return None
    seen = ", ".join(f"{host.ranks} ranks on {host.cores} cores of {host.name}" for host in crowded)
    enough = sum(min(host.ranks, host.cores) for host in hosts)
    advice = (
        f"so ranks share cores; fewer can host the same agents: mpirun -n {enough} … --agents N"
    )
    if library == "Open MPI" and environment.get("OMPI_MCA_mpi_yield_when_idle") != "1":
        advice += ", or export OMPI_MCA_mpi_yield_when_idle=1, so that waiting ranks yield"
    return f"{seen}: {advice}"
