"""Loading the package and its kernels on all ranks."""

import gc
import os
import sys
import time
from importlib import import_module

from mpi4py import MPI

# Seconds between two looks: of a rank whose turn is next, and of the many others, whose looks
# would take much of the processors.
_NEAR, _FAR = 0.005, 0.1
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
        _wait_for(host, rank - cores, _FAR)
        _wait_for(host, rank - cores, _NEAR)
    if rank + cores < size:
        host.send(None, rank + cores)
    gc.disable()  # it would look again and again through what has come to stay
    import_module(_JOB)
    from udsgd_mpi.compiled import Kernel, compile_all

    if rank == 0:
        compile_all()
    elif rank < cores:
        _wait_for(host, 0, _NEAR)
    Kernel.all[0].compile()
    gc.freeze()
    gc.enable()
    followers = range(1, cores + 1) if rank == 0 else range(rank + cores, rank + cores + 1)
    for follower in followers:
        if follower < size:
            host.send(None, follower)


def _wait_for(host: MPI.Comm, rank: int, seconds: float) -> None:
    """Until a rank of the host has begun, or is done; leaves the processor to others.

    No exchange that the watchdog looks at: compiling may take longer than a user lets ranks wait.

    Parameters
    ----------
    seconds
        Between two looks.
    """
    while not host.iprobe(rank):
        time.sleep(seconds)
    host.recv(source=rank)
