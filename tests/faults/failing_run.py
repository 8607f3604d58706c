"""A run in which one rank fails at a recorded step: tests.faults.failing_run HOW RANK [flags].

It prints the clock as the failure happens, so that the time to the end of the job can be told.
"""

import os
import resource
import signal
import sys
import time

from mpi4py import MPI

from udsgd_mpi.__main__ import entry
from udsgd_mpi.parallel.recorder import Recorder


def _fail(how: str) -> None:
    sys.stdout.write(f"failing at {time.time()}\n")
    sys.stdout.flush()
    if how == "raise":
        message = "a failure of no kind in particular"
        raise RuntimeError(message)
    if how == "sys.exit":
        sys.exit(3)
    if how == "os._exit":
        os._exit(9)
    if how == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "segfault":
        os.kill(os.getpid(), signal.SIGSEGV)
    if how == "stop":
        os.kill(os.getpid(), signal.SIGSTOP)
    if how == "full disk":  # no file may grow beyond 1 kB from here on
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))


def _main() -> None:
    how, rank = sys.argv[1], int(sys.argv[2])
    sys.argv[1:] = sys.argv[3:]
    record = Recorder.__call__

    def fail_once(self: Recorder, n: int) -> None:
        if n == 100 and MPI.COMM_WORLD.rank == rank:
            _fail(how)
        record(self, n)

    Recorder.__call__ = fail_once  # type: ignore[method-assign]
    entry()


if __name__ == "__main__":
    _main()
