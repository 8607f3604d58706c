"""Which subcommand runs, and what its failures look like."""

import sys
import time
from collections.abc import Sequence

from udsgd_mpi.cli.arguments import parse
from udsgd_mpi.errors import ConfigurationError, ExitCode
from udsgd_mpi.launcher import launched_rank, launched_size


def main(argv: Sequence[str]) -> ExitCode:
    """Run a subcommand; what a user can mend becomes one message from rank 0.

    Raises
    ------
    OutputError
        If results can't be written, which other ranks may not know.
    """
    try:
        arguments = parse(argv)
        if arguments.command == "run":
            from udsgd_mpi.cli.run import run

            run(arguments)
        elif arguments.command == "inspect":
            from udsgd_mpi.cli.inspect import inspect

            inspect(arguments)
        elif arguments.command == "report":
            from udsgd_mpi.cli.report import report

            report(arguments)
        elif arguments.command == "topology":
            from udsgd_mpi.cli.topology import topology

            topology(arguments)
    except ConfigurationError as error:
        if launched_rank() > 0:  # rank 0 has the same error; srun -K would end it before it speaks
            return ExitCode.DONE
        print(f"udsgd: error: {error}", file=sys.stderr, flush=True)
        if launched_size() > 1:
            time.sleep(1)  # let the others end by themselves, or their signal hides this exit code
        return ExitCode.USAGE
    return ExitCode.DONE
