"""``python -m udsgd_mpi`` and ``udsgd``: a failure on one rank ends the whole job."""

import sys
import time

from udsgd_mpi.cli.main import main
from udsgd_mpi.cli.streams import open_streams
from udsgd_mpi.support.ending import end_for
from udsgd_mpi.support.errors import ExitCode
from udsgd_mpi.support.launcher import launched_size
from udsgd_mpi.support.overflows import hide_overflows


def entry() -> None:
    """Run the command line; never leave other ranks waiting for one that has failed."""
    open_streams()
    hide_overflows()
    try:
        code = main(sys.argv[1:])
    except BaseException as error:  # noqa: BLE001 - whatever it is, the other ranks must not wait
        end_for(error)
    else:
        _leave_mpi()
        if code != ExitCode.DONE and launched_size() > 1:
            time.sleep(1)  # let the others end, or the launcher's signal hides this exit code
        sys.exit(code)


def _leave_mpi() -> None:
    """Wait for other ranks under the watchdog, which does not watch Python's own exit."""
    mpi = sys.modules.get("mpi4py.MPI")
    if mpi:
        from udsgd_mpi.parallel.collective import wait_quietly
        from udsgd_mpi.parallel.waiting import waiting

        wait_quietly(mpi.COMM_WORLD)
        with waiting("all ranks"):
            mpi.Finalize()


if __name__ == "__main__":
    entry()
