"""Settings named by dotted keys, such as ``groups.walkers.sampler``."""

from collections.abc import Mapping
from typing import Any

from udsgd_mpi.experiment.check import expand, merge


def nested(key: str, value: Any) -> dict[str, Any]:
    """The tables in which a dotted key stands.

    Examples
    --------
    >>> nested("step_size.gamma", 0.5)
    {'step_size': {'gamma': 0.5}}
    """
    head, dot, rest = key.partition(".")
    return {head: nested(rest, value) if dot else value}


def laid_together(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings by dotted keys, each laid over those before it."""
    found: dict[str, Any] = {}
    for key, value in settings.items():
        found = merge(found, expand(nested(key, value)))
    return found
