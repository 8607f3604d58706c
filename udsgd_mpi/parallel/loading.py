"""Loading the package and its kernels on all ranks."""

import os
import sys
import time
from importlib import import_module

from mpi4py import MPI

_JOB = "udsgd_mpi.parallel.job"


def load_in_turn(comm: MPI.Intracomm) -> None:
    """Load on as many ranks of each host at once as it has cores; collective.

    More would not be done earlier. Kernels that the disk does not hold are compiled on the first
    rank, while the others wait; then each loads one, and with it what all kernels need.
    """
    if _JOB in sys.modules:
        return
    host = comm.Split_type(MPI.COMM_TYPE_SHARED)
    rank, size = host.rank, host.size
    cores = len(set[int]().union(*host.allgather(os.sched_getaffinity(0))))
    if rank >= cores:
        _wait_for(host, rank - cores)
    import_module(_JOB)
    from udsgd_mpi.compiled import Kernel, compile_all

    if rank == 0:
        compile_all()
    elif rank < cores:
        _wait_for(host, 0)
    Kernel.all[0].compile()
    followers = range(1, cores + 1) if rank == 0 else range(rank + cores, rank + cores + 1)
    for follower in followers:
        if follower < size:
            host.send(None, follower)


def _wait_for(host: MPI.Comm, rank: int) -> None:
    """Until a rank of the host is done; leaves the processor to those that are not.

    No exchange that the watchdog looks at: compiling may take longer than a user lets ranks wait.
    """
    while not host.iprobe(rank):
        time.sleep(0.005)
    host.recv(source=rank)
