"""Which subcommand runs, and what its failures look like."""

import os
import sys
import time
from collections.abc import Sequence
from importlib import import_module

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
        # Each module loads what its subcommand needs, which for some is a lot.
        import_module(f"udsgd_mpi.cli.{arguments.command}").command(arguments)
    except BrokenPipeError:  # whoever reads has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except ConfigurationError as error:
        if launched_rank() > 0:  # rank 0 has the same error; srun -K would end it before it speaks
            return ExitCode.DONE
        print(f"udsgd: error: {error}", file=sys.stderr, flush=True)
        if launched_size() > 1:
            time.sleep(1)  # let the others end by themselves, or their signal hides this exit code
        return ExitCode.USAGE
    return ExitCode.DONE
