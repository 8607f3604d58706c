"""Loading the package and its kernels on all ranks."""

import gc
import sys
import time
from contextlib import suppress
from enum import Enum, auto
from importlib import import_module

from mpi4py import MPI

from udsgd_mpi.parallel.waiting import waiting
from udsgd_mpi.support.launcher import processors
from udsgd_mpi.support.progress import say


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

    More would not be faster. Kernels that are not cached on disk are compiled first, each by one
    of these ranks, while the others wait; then each loads one, and with it what all kernels need.

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
    order.tell_change()
    collects = gc.isenabled()
    gc.disable()  # it would scan modules, which stay, again and again
    import_module(_JOB)
    from udsgd_mpi.kernels.compiled import Kernel

    if order.begins:
        _compile_together(order)
    Kernel.all[0].compile()
    if for_good:
        gc.freeze()
    if collects:
        gc.enable()
    order.tell_change()


def _compile_together(order: "_LoadingOrder") -> None:
    """Compile what the cache lacks on the ranks that begin at once, a share each."""
    from udsgd_mpi.kernels.compiled import all_compiled, compile_share

    done = all_compiled()
    missing = done is not None and not done.exists()
    if missing:
        if order.rank == 0:
            say("compiles kernels, which are kept for later runs; it takes a minute or two")
        compile_share(order.rank, order.beginners, order.tell_work)
    order.meet()
    if done and missing and order.rank == 0:
        with suppress(OSError):
            done.touch()


class _LoadingOrder:
    """Which rank of a host loads after which.

    Attributes
    ----------
    rank
        On this host.
    beginners
        How many ranks load at once; the first ones begin.
    """

    def __init__(self, host: MPI.Comm, cores: int) -> None:
        self.rank = host.rank
        self.beginners = min(cores, host.size)
        self._host = host
        self._before, self._after = host.rank - cores, host.rank + cores
        self._others = range(1, self.beginners) if host.rank == 0 else [0]

    @property
    def begins(self) -> bool:
        """Whether this rank loads before it waits for another."""
        return self._before < 0

    def wait_for_begin(self) -> None:
        """Until the rank before this one has begun, and is done."""
        if not self.begins:
            self._wait_for(self._before, _FAR)
            self._wait_for(self._before, _NEAR)

    def tell_change(self) -> None:
        """Say to the rank after this one that this one has begun, or is done."""
        self._tell_next(_News.CHANGED)

    def tell_work(self) -> None:
        """Say to those who wait for this rank, as long as it has not met them, that it works."""
        self._tell_next(_News.WORKS)
        for other in self._others:
            self._host.send(_News.WORKS, other)

    def meet(self) -> None:
        """Wait until all ranks that began have come here."""
        if self.rank > 0:
            self._host.send(_News.CHANGED, 0)
        for other in self._others:
            self._wait_for(other, _NEAR)
        if self.rank == 0:
            for other in self._others:
                self._host.send(_News.CHANGED, other)

    def _wait_for(self, rank: int, seconds: float) -> None:
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
                if self.rank == 0:
                    self.tell_work()
                else:
                    self._tell_next(_News.WORKS)

    def _tell_next(self, news: _News) -> None:
        if self._after < self._host.size:
            self._host.send(news, self._after)
