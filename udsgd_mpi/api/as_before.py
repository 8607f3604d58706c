"""Leaving a process as it was, since it belongs to the caller."""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

from udsgd_mpi.support.overflows import hide_overflows
from udsgd_mpi.support.progress import end_line


@contextmanager
def as_before() -> Iterator[None]:
    """Undo what a run changes of its process: environment, filters of warnings, ``os._exit``.

    Objects of users' classes are made anew, as in another process.
    """
    from udsgd_mpi.support.plugin import forget

    forget()
    environment, leave = dict(os.environ), os._exit
    try:
        with warnings.catch_warnings():
            hide_overflows()
            yield
    finally:
        end_line()
        os._exit = leave
        for name in os.environ.keys() - environment.keys():
            del os.environ[name]
        for name, value in environment.items():
            if os.environ.get(name) != value:
                os.environ[name] = value


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep linear algebra to one thread, as sums over threads depend on how many there are.

    The environment, by which the command line says so, counts as libraries are loaded alone.
    """
    import scipy.linalg  # noqa: F401 - it has a library of its own, to be loaded before
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1):
        yield
