"""Plug-ins of installed packages: kinds that are names of entry points."""

from collections.abc import Mapping
from functools import cache
from importlib.metadata import entry_points
from typing import Any, get_args, get_origin

from msgspec import Struct

from udsgd_mpi.communication import CustomPattern
from udsgd_mpi.data.partition import CustomPartition
from udsgd_mpi.data.reader import CustomReader
from udsgd_mpi.experiment.annotations import family_in, fields_of, plain, structs_in
from udsgd_mpi.methods import CustomMethod
from udsgd_mpi.objectives import Custom
from udsgd_mpi.samplers import CustomSampler
from udsgd_mpi.support.errors import ConfigurationError

GROUPS: dict[type[Struct], str] = {
    CustomPattern: "udsgd_mpi.patterns",
    Custom: "udsgd_mpi.objectives",
    CustomPartition: "udsgd_mpi.partitions",
    CustomReader: "udsgd_mpi.readers",
    CustomMethod: "udsgd_mpi.methods",
    CustomSampler: "udsgd_mpi.samplers",
}
"""The group of the entry points of each family, by the member for classes of users."""

_OF_THE_CLASS = ("path", "arguments")


def installed(family: Mapping[str, type[Struct]]) -> dict[str, str]:
    """``"module:Class"`` of each entry point of a family, by its name.

    Parameters
    ----------
    family
        The built-in members by their kinds.
    """
    return _of_group(GROUPS[family["custom"]]) if "custom" in family else {}


def by_class(raw: Any, kind: Any) -> Any:
    """Expanded settings in which plug-ins are no longer named by entry points, but by classes.

    What is no setting of every class of users becomes an argument of this one.
    """
    if not isinstance(raw, Mapping):
        return raw
    if family := family_in(kind):
        return _of_class(raw, family)
    if structs := structs_in(kind):
        fields = fields_of(structs[0])
        return {
            key: by_class(value, fields[key].type) if key in fields else value
            for key, value in raw.items()
        }
    if get_origin(plain(kind)) is dict:
        value_type = get_args(plain(kind))[1]
        return {key: by_class(value, value_type) for key, value in raw.items()}
    return raw


def _of_class(raw: Mapping[str, Any], family: Mapping[str, type[Struct]]) -> Mapping[str, Any]:
    name = raw.get("kind", "custom")
    if name in family or name not in (found := installed(family)):
        return raw
    beside = fields_of(family["custom"]).keys() - _OF_THE_CLASS
    settings = {key: value for key, value in raw.items() if key in beside}
    arguments = {key: value for key, value in raw.items() if key not in {"kind", *beside}}
    return {"kind": "custom", "path": found[name], "arguments": arguments, **settings}


@cache
def _of_group(group: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for point in entry_points(group=group):
        value = f"{point.module}:{point.attr}"
        if found.setdefault(point.name, value) != value:
            raise ConfigurationError(
                f"entry point {point.name!r} of {group}: expected one class of this name, got"
                f" {found[point.name]} and {value}; uninstall one of their packages, or use kind ="
                ' "custom" with a path'
            )
    return found
