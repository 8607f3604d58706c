"""What to say where settings ask for more than Python, NumPy or the machine can hold."""

import traceback
from argparse import Namespace
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from udsgd_mpi.support.errors import ConfigurationError, LocalError

_SIZES = ("agents", "points", "ranks", "steps", "trials", "paths", "budget")
TOO_LARGE = (MemoryError, RecursionError, OverflowError)


def too_large(error: BaseException, arguments: Namespace) -> LocalError:
    """The error for the user, which names the largest setting and the line that it broke."""
    if isinstance(error, RecursionError):
        return LocalError("expected settings of a few levels, got some nested too deeply")
    place = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{Path(place.filename).name}:{place.lineno}"
    settings = sorted(_numbers(arguments), key=lambda setting: -abs(setting[1]))
    largest = ", ".join(f"{name} = {value:,}" for name, value in dict(settings[:2]).items())
    said = str(error).partition("\n")[0]
    return LocalError(
        f"expected settings of a size that can be computed here, got {type(error).__name__}"
        f" ({said + '; ' if said else ''}{where}); the largest settings are {largest or 'unknown'}:"
        " use smaller ones"
    )


def _numbers(arguments: Namespace) -> Iterator[tuple[str, int | float]]:
    """All numbers that were asked for, with their names."""
    yield from _inside({name: getattr(arguments, name, None) for name in _SIZES})
    if hasattr(arguments, "experiment"):
        from udsgd_mpi.cli.settings import requested
        from udsgd_mpi.experiment.check import settings_of

        with suppress(ConfigurationError, *TOO_LARGE):
            for experiment in requested(arguments).values():
                yield from _inside(settings_of(experiment))
    for assignment in getattr(arguments, "set", ()):
        from udsgd_mpi.cli.settings import assigned

        with suppress(ConfigurationError, *TOO_LARGE):
            yield from _inside(assigned(assignment))


def _inside(value: Any, name: str = "") -> Iterator[tuple[str, int | float]]:
    if isinstance(value, int | float) and not isinstance(value, bool) and name != "seed":
        if value == value:  # noqa: PLR0124 - no NaN
            yield name, value
    elif isinstance(value, Mapping):
        for key, below in value.items():
            yield from _inside(below, f"{name}.{key}" if name else str(key))
