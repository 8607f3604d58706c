"""Notes on reading, such as what was dropped: logged by readers, printed by commands."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_PACKAGE = logging.getLogger("udsgd_mpi")


class _EachOnce(logging.Handler):
    def __init__(self, tell: Callable[[str], object]) -> None:
        super().__init__()
        self._tell = tell
        self._told: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        note = record.getMessage()
        if note not in self._told:
            self._told.add(note)
            self._tell(note)


@contextmanager
def notes_to(tell: Callable[[str], object]) -> Iterator[None]:
    """Pass on, each once, the notes that the package logs meanwhile."""
    handler = _EachOnce(tell)
    _PACKAGE.addHandler(handler)
    try:
        yield
    finally:
        _PACKAGE.removeHandler(handler)
