"""Which subcommand runs, and what its failures look like."""

import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from udsgd_mpi.cli.arguments import parse
from udsgd_mpi.cli.too_large import TOO_LARGE, too_large
from udsgd_mpi.support.errors import (
    ConfigurationError,
    ExitCode,
    OutputError,
    Stopped,
    is_known_to_all,
)
from udsgd_mpi.support.failure import tell_failure
from udsgd_mpi.support.launcher import launched_rank, launched_size
from udsgd_mpi.support.notes import notes_to
from udsgd_mpi.support.one_line import shown
from udsgd_mpi.support.progress import say


def main(argv: Sequence[str]) -> ExitCode:
    """Run a subcommand; what a user can fix becomes one message from rank 0.

    Raises
    ------
    OutputError
        If results can't be written, which other ranks may not know.
    LocalError
        If there are other ranks, which do not know of it.
    """
    try:
        try:
            arguments = parse(argv)
        except SystemExit:  # --help and --version, which argparse ends so
            return ExitCode.DONE
        _require_working_folder()
        os.environ["MPLBACKEND"] = (
            "agg"  # figures go into files; other backends may not be installed
        )
        with notes_to(say if launched_rank() == 0 else len):
            # Each module loads what its subcommand needs, which for some is a lot.
            try:
                import_module(f"udsgd_mpi.cli.{arguments.command}").command(arguments)
            except TOO_LARGE as error:
                raise too_large(error, arguments) from error
            except (OutputError, BrokenPipeError):
                raise
            except OSError as error:  # of a file: its name, its folder or the disk
                if error.filename is None:
                    raise
                raise OutputError(f"{shown(error.filename)}: {error.strerror}") from error
        sys.stdout.flush()
    except BrokenPipeError:  # the reader has seen enough
        pass
    except (ConfigurationError, OutputError) as error:
        return _ended_by(error)
    except Stopped as stopped:
        return _from_root(ExitCode.STOPPED, str(stopped), "udsgd: stopped: ")
    return ExitCode.DONE


def _require_working_folder() -> None:
    try:
        Path.cwd()
    except OSError as error:
        raise ConfigurationError(
            f"working folder: expected an existing folder, got none ({error.strerror}); cd to one"
            " that exists"
        ) from error


def _ended_by(error: ConfigurationError | OutputError) -> ExitCode:
    """Exit code of this rank where all ranks know of an error; else raises it."""
    writes = isinstance(error, OutputError)
    if not is_known_to_all(error) and (writes or launched_size() > 1):
        raise error
    return _from_root(ExitCode.INPUT_OUTPUT if writes else ExitCode.USAGE, str(error))


def _from_root(code: ExitCode, message: str, heading: str = "udsgd: error: ") -> ExitCode:
    """Exit code of this rank where all ranks end for the same reason."""
    if launched_rank() > 0:  # srun -K would end rank 0 before it speaks
        return ExitCode.DONE
    tell_failure(code, message, heading)
    return code
