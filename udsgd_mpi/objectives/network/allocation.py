"""Memory of rows of millions of numbers, which goes back to the system as it is freed."""

import ctypes
import os

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # as mallopt numbers them
_LARGE, _KEPT = 2**23, 2**26


def return_large_arrays() -> None:
    """Have the C library give blocks of 8 MB and more back, and keep smaller ones for later.

    From the first one on that is freed, glibc keeps blocks of up to 32 MB among others, so that
    gradients of one agent after the other leave as many holes. A step's own blocks, up to 64 MB,
    are kept as they are without this. What users have set is left alone, and so are other C
    libraries.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    tunables = os.environ.get("GLIBC_TUNABLES", "")
    chosen = "glibc.malloc" in tunables or any(name.startswith("MALLOC_") for name in os.environ)
    if mallopt is None or chosen:
        return
    mallopt(_TRIM_THRESHOLD, _KEPT)
    mallopt(_MMAP_THRESHOLD, _LARGE)
