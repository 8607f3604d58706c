"""Kernels compiled ahead of their first call and cached on disk."""

import hashlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast

from numba import config, njit
from numba.core.dispatcher import Dispatcher

P = ParamSpec("P")
R = TypeVar("R")


def kernel(signature: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Compile a function for one signature as its module is imported.

    Floating-point sums keep the order in which they are written, so that a kernel gives the
    same bits whatever the shapes it is called with.

    Parameters
    ----------
    signature
        Numba signature, e.g. ``"void(float64[:, ::1])"``.
    """

    def compile_ahead(function: Callable[P, R]) -> Callable[P, R]:
        users_folder = config.CACHE_DIR
        config.CACHE_DIR = users_folder or str(_cache_folder(function))
        try:
            compiled = njit(signature, cache=True, nogil=True, error_model="numpy")(function)
        except (OSError, RuntimeError):  # no folder to write to: compile for this run alone
            compiled = njit(signature, nogil=True, error_model="numpy")(function)
        finally:
            config.CACHE_DIR = users_folder
        return cast("Callable[P, R]", compiled)

    return compile_ahead


def inlined(function: Callable[P, R]) -> Callable[P, R]:
    """Make a function callable from kernels, compiled as part of each of them."""
    return cast("Callable[P, R]", njit(error_model="numpy", inline="always")(function))


def _cache_folder(function: Callable[..., Any]) -> Path:
    # Numba watches the kernel's own file for changes; the digest stands for the others that it
    # depends on: this one and those of the functions that are compiled into it.
    files = sorted({__file__, *_inlined_files(function)})
    digest = hashlib.sha256(b"".join(Path(file).read_bytes() for file in files)).hexdigest()
    root = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return root / "udsgd_mpi" / digest[:16]


def _inlined_files(function: Callable[..., Any]) -> Iterator[str]:
    for name in function.__code__.co_names:
        named = function.__globals__.get(name)
        if isinstance(named, Dispatcher):
            yield named.py_func.__code__.co_filename
            yield from _inlined_files(named.py_func)
