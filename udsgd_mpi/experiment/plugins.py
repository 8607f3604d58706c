"""What the settings of an experiment name of the user's own: code, and what objectives read."""

from collections.abc import Callable, Mapping
from typing import Any

from udsgd_mpi.experiment.check import expand
from udsgd_mpi.support.file_names import NamesFile

_READ = ("objective", "activation")


def plugins(settings: Mapping[str, Any]) -> dict[str, str]:
    """Each ``"module:Class"`` or ``"module:function"``, by the key that names it."""
    return _named(settings, lambda text, names: names.of_class and ":" in text)


def files_beside_data(settings: Mapping[str, Any]) -> dict[str, str]:
    """Each file that an objective or an activation reads, by the key that names it."""
    read = {key: value for key in _READ if (value := settings.get(key)) is not None}
    return _named(read, lambda text, names: not names.of_class and names.is_file(text))


def _named(settings: Mapping[str, Any], wanted: Callable[[str, NamesFile], bool]) -> dict[str, str]:
    found: dict[str, str] = {}

    def collect(text: str, names: NamesFile, key: str) -> str:
        if wanted(text, names):
            found[key] = text
        return text

    expand(settings, collect)
    return found
