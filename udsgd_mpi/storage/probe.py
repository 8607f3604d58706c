"""Reads what a result file holds, within limits: python -P probe.py FILE SECONDS BYTES.

Where a file is damaged HDF5 may loop or crash, or be asked for any amount of memory. This is run as
a process of its own, by its path, so that it loads nothing but h5py.
"""

import resource
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import h5py

TOO_LARGE = 3  # as the guard knows it


def _main() -> int:
    file, seconds, size = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    _limit(seconds, size)
    try:
        with h5py.File(file, "r") as opened:
            for each in _things(opened):
                _read(each, size)
    except MemoryError:
        return TOO_LARGE
    except Exception as error:  # noqa: BLE001 - it is for the reader to tell, and ends
        return TOO_LARGE if "alloc" in str(error) else 0
    return 0


def _limit(seconds: int, size: int) -> None:
    """Limit what is used from here on, beyond what the libraries use."""
    _lower(resource.RLIMIT_CPU, int(time.process_time()) + 1 + seconds)
    with suppress(OSError):  # where it is known, as on Linux
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        _lower(resource.RLIMIT_AS, pages * resource.getpagesize() + size)


def _lower(limit: int, value: int) -> None:
    with suppress(ValueError):  # there is a lower one
        resource.setrlimit(limit, (value, resource.getrlimit(limit)[1]))


def _things(file: Any) -> Iterator[Any]:
    """All that a reader looks at."""
    yield file
    for section in ("runs", "telemetry"):
        for group in file.get(section, {}).values():
            yield group
            yield from group.values()


def _read(thing: Any, size: int) -> None:
    dict(thing.attrs)
    if not isinstance(thing, h5py.Dataset):
        return
    if thing.nbytes > size:
        raise MemoryError
    thing[()]
    for axis in thing.dims:
        for name in axis.keys():  # noqa: SIM118 - it has no iterator over names
            name.encode()


if __name__ == "__main__":
    sys.exit(_main())
