"""``python -m udsgd_mpi`` and ``udsgd``: a failure on one rank ends the whole job."""

import sys
import time
import traceback
import warnings

from udsgd_mpi.cli.main import main
from udsgd_mpi.cli.streams import open_streams
from udsgd_mpi.support.ending import end_all_ranks
from udsgd_mpi.support.errors import ExitCode, LocalError, OutputError
from udsgd_mpi.support.launcher import launched_rank, launched_size

_SECONDS_FOR_RANK_0 = 1.0  # which may have the same to say, and then ends all


def entry() -> None:
    """Run the command line; never leave other ranks waiting for one that has failed."""
    open_streams()
    _hide_warnings_of_numpy()
    try:
        code = main(sys.argv[1:])
    except OutputError as error:
        print(f"udsgd: error: {error}", file=sys.stderr, flush=True)
        end_all_ranks(ExitCode.INPUT_OUTPUT)
    except LocalError as error:
        if launched_rank() > 0:
            time.sleep(_SECONDS_FOR_RANK_0)
        message = f"udsgd: error: on rank {launched_rank()}: {error}"
        print(message, file=sys.stderr, flush=True)
        end_all_ranks(ExitCode.USAGE)
    except BaseException:  # noqa: BLE001 - whatever it is, the other ranks must not wait
        sys.stderr.write(f"udsgd: internal error{_where()}\n{traceback.format_exc()}")
        end_all_ranks(ExitCode.INTERNAL)
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


def _hide_warnings_of_numpy() -> None:
    """Of overflows and the like, whose outcome is looked at; the user has no line to change."""
    if not sys.warnoptions:
        ours = r"(udsgd_mpi|numpy|scipy)(\.|$)"
        warnings.filterwarnings("ignore", category=RuntimeWarning, module=ours)


def _where() -> str:
    mpi = sys.modules.get("mpi4py.MPI")
    return f" on rank {mpi.COMM_WORLD.rank}" if mpi else ""


if __name__ == "__main__":
    entry()
