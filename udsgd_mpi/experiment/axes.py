"""Variants that are all combinations of a few choices."""

from collections.abc import Mapping
from functools import reduce
from itertools import product
from math import prod
from typing import Any

from udsgd_mpi.experiment.check import expand, merge
from udsgd_mpi.support.errors import ConfigurationError

JOINT = "-"
"""Between the values in a variant's name."""

_MOST = 1000  # variants


def crossed(axes: Any) -> dict[str, dict[str, Any]]:
    """A variant for each combination of the values of some axes, the last axis the fastest.

    Parameters
    ----------
    axes
        By axis the settings of each of its values, by name; later axes are laid over earlier ones.

    Raises
    ------
    ConfigurationError
        If an axis or a value is no table, a value's name does not fit, or they are too many.
    """
    _require_axes(axes)
    number = prod(len(values) for values in axes.values())
    if number > _MOST:
        raise ConfigurationError(
            f"axis: expected at most {_MOST:,} combinations of values, got {number:,}; use fewer"
        )
    expanded = {axis: _expanded(axis, values) for axis, values in axes.items()}
    return {
        JOINT.join(names): reduce(
            merge, (values[name] for values, name in zip(expanded.values(), names, strict=True))
        )
        for names in product(*expanded.values())
    }


def _expanded(axis: str, values: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    found = {}
    for name, settings in values.items():
        try:
            found[name] = expand(settings)
        except ConfigurationError as error:
            raise ConfigurationError(f"[axis.{axis}.{name}] {error}") from error
    return found


def _require_axes(axes: Any) -> None:
    """Refuse what are no axes with values."""
    if not isinstance(axes, Mapping) or not axes:
        raise ConfigurationError(f"axis: expected tables [axis.AXIS.VALUE], got {axes!r}")
    for axis, values in axes.items():
        if not isinstance(values, Mapping) or not values:
            raise ConfigurationError(
                f"axis.{axis}: expected tables [axis.{axis}.VALUE], got {values!r}"
            )
        for name, settings in values.items():
            if not isinstance(settings, Mapping):
                raise ConfigurationError(
                    f"axis.{axis}.{name}: expected a table, got {settings!r}; settings of a value"
                    f" stand in [axis.{axis}.VALUE]"
                )
            if not name.replace("_", "a").isalnum():
                raise ConfigurationError(
                    f"axis.{axis}.{name}: expected a name of letters, digits and _, got {name!r}"
                )
