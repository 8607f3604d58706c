"""Standard output and error, which may be full, closed, or without some characters."""

import io
import os
import sys
from typing import TYPE_CHECKING

from udsgd_mpi.support.errors import OutputError

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class _Stream(io.FileIO):
    """A standard stream that fails once at most.

    Attributes
    ----------
    matters
        Whether that ends the program.
    beside
        What was written although it can't be printed; reported on standard error.
    """

    def __init__(self, descriptor: int, *, matters: bool) -> None:
        super().__init__(descriptor, "wb", closefd=False)
        self.matters = matters
        self.beside: str | None = None
        self._failed = False

    def write(self, content: "ReadableBuffer", /) -> int:
        if self._failed:
            return memoryview(content).nbytes
        try:
            return super().write(content)
        except OSError as error:
            self._failed = True
            said = f"standard output: cannot be written ({error.strerror})"
            if self.matters:
                raise (error if isinstance(error, BrokenPipeError) else OutputError(said)) from None
            if self.beside and not isinstance(error, BrokenPipeError):
                sys.stderr.write(f"udsgd: warning: {said}; {self.beside}\n")
            return memoryview(content).nbytes


def open_streams() -> None:
    """Keep characters, and failures of standard error, from ending the program."""
    for descriptor in range(3):  # the next file opened would take the descriptor of a closed one
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    for name, descriptor in (("stdout", 1), ("stderr", 2)):
        before = getattr(sys, name)
        raw = _Stream(descriptor, matters=name == "stdout")
        stream = io.TextIOWrapper(
            io.BufferedWriter(raw),
            before.encoding if before else "utf-8",
            errors="replace",
            line_buffering=True,
        )
        setattr(sys, name, stream)


def results_are_written(what: str) -> None:
    """Continue if standard output fails from here on.

    Parameters
    ----------
    what
        What is reported then.
    """
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    if isinstance(raw, _Stream):
        raw.matters, raw.beside = False, what
