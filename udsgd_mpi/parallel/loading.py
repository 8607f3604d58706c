"""Loading the package and its kernels on all ranks."""

import gc
import sys
import time
from enum import Enum, auto
from importlib import import_module

from mpi4py import MPI

from udsgd_mpi.parallel.waiting import waiting
from udsgd_mpi.support.launcher import processors


class _News(Enum):
    """Messages from a rank to those that load after it."""

    WORKS = auto()  # compiling may take longer than a user lets ranks wait
    CHANGED = auto()  # it has begun, or is done


# Seconds between two looks: of a rank whose turn is next, and of the many others, whose looks
# would take much of the processors.
_NEAR, _FAR = 0.005, 0.1
_JOB = "udsgd_mpi.parallel.job"


def load_in_turn(comm: MPI.Intracomm, *, for_good: bool = True) -> None:
    """Load on as many ranks of each host at once as it has cores; collective.

    More would not be faster. Kernels that are not cached on disk are compiled on the first
    rank, while the others wait; then each loads one, and with it what all kernels need.

    Parameters
    ----------
    for_good
        Whether what has been made so far stays, so that it need not be looked at as garbage.
    """
    if comm.allreduce(_JOB in sys.modules, MPI.LAND):  # a rank may have run jobs without the others
        return
    host = comm.Split_type(MPI.COMM_TYPE_SHARED)
    cores = len(set[int]().union(*host.allgather(processors())))
    order = _LoadingOrder(host, cores)
    order.wait_for_begin()
    order.tell_begin()
    collects = gc.isenabled()
    gc.disable()  # it would scan modules, which stay, again and again
    import_module(_JOB)
    from udsgd_mpi.kernels.compiled import Kernel, compile_all

    if host.rank == 0:
        compile_all(order.tell_work)
    elif host.rank < cores:
        order.wait_for(0, _NEAR)
    Kernel.all[0].compile()
    if for_good:
        gc.freeze()
    if collects:
        gc.enable()
    order.tell_end()


class _LoadingOrder:
    """Which rank of a host loads after which."""

    def __init__(self, host: MPI.Comm, cores: int) -> None:
        self._host = host
        self._before, self._after = host.rank - cores, host.rank + cores
        followers = range(1, cores + 1) if host.rank == 0 else [self._after]
        self._followers = [each for each in followers if each < host.size]

    def wait_for_begin(self) -> None:
        """Until the rank before this one has begun, and is done."""
        if self._before >= 0:
            self.wait_for(self._before, _FAR)
            self.wait_for(self._before, _NEAR)

    def wait_for(self, rank: int, seconds: float) -> None:
        """Until a rank has begun, or is done; leaves the processor to others.

        Parameters
        ----------
        seconds
            Between two looks.
        """
        news = _News.WORKS
        with waiting(f"rank {rank} of this host to load"):
            while news is _News.WORKS:
                while not self._host.iprobe(rank):
                    time.sleep(seconds)
                news = self._host.recv(source=rank)
                waiting.renew()
                self.tell_work()

    def tell_begin(self) -> None:
        """Say to the rank after this one that it is next."""
        if self._after < self._host.size:
            self._host.send(_News.CHANGED, self._after)

    def tell_work(self) -> None:
        """Say to those who wait for this rank that somebody still works."""
        for follower in self._followers:
            self._host.send(_News.WORKS, follower)

    def tell_end(self) -> None:
        """Say to those who wait for this rank that it is done."""
        for follower in self._followers:
            self._host.send(_News.CHANGED, follower)
