"""What the settings of an experiment name of the user's own code."""

from collections.abc import Mapping
from typing import Any

from udsgd_mpi.experiment.check import expand
from udsgd_mpi.support.file_names import NamesFile


def plugins(settings: Mapping[str, Any]) -> dict[str, str]:
    """Each ``"module:Class"`` or ``"module:function"``, by the key that names it."""
    found: dict[str, str] = {}

    def collect(text: str, names: NamesFile, key: str) -> str:
        if names.of_class and ":" in text:
            found[key] = text
        return text

    expand(settings, collect)
    return found
