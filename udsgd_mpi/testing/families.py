"""The families of which a user can bring a member, and the contract of each."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from udsgd_mpi.communication import AnyPattern
from udsgd_mpi.data.partition import AnyPartition
from udsgd_mpi.data.reader import CustomReader
from udsgd_mpi.experiment.check import one_of
from udsgd_mpi.methods import AnyMethod
from udsgd_mpi.objectives import AnyObjective
from udsgd_mpi.samplers import AnySampler
from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.support.file_names import NamesFile, in_folders
from udsgd_mpi.support.plugin import users_class
from udsgd_mpi.testing.contract import Contract
from udsgd_mpi.testing.methods import MethodContract
from udsgd_mpi.testing.objectives import ObjectiveContract
from udsgd_mpi.testing.partitions import PartitionContract
from udsgd_mpi.testing.patterns import PatternContract
from udsgd_mpi.testing.readers import ReaderContract
from udsgd_mpi.testing.samplers import SamplerContract


class Family(NamedTuple):
    """What members have in common.

    Attributes
    ----------
    members
        The structs of settings.
    contract, attribute
        The contract, and what it calls the member.
    methods
        A user's class is known by one of these sets of methods.
    settled
        Further attributes of the contract, as a user's class may be.
    """

    members: Any
    contract: type[Contract]
    attribute: str
    methods: tuple[frozenset[str], ...]
    settled: Mapping[str, Any] = {}


FAMILIES = {
    "sampler": Family(AnySampler, SamplerContract, "sampler", (frozenset({"draw"}),)),
    "communication": Family(
        AnyPattern,
        PatternContract,
        "pattern",
        (frozenset({"matrix"}),),
        {"on_topology": False},  # the package sees to the support that the class declares
    ),
    "objective": Family(
        AnyObjective, ObjectiveContract, "objective", (frozenset({"value", "gradient"}),)
    ),
    "partition": Family(
        AnyPartition, PartitionContract, "partition", (frozenset({"rows"}),), {"disjoint": False}
    ),
    "data": Family(
        CustomReader, ReaderContract, "reader", (frozenset({"read"}), frozenset({"read_agent"}))
    ),
    "method": Family(AnyMethod, MethodContract, "method", (frozenset({"step"}),)),
}
"""By the key under which a member stands in experiment files."""


def family_of(path: str) -> str:
    """The family that a class must be of, by its methods.

    Raises
    ------
    ConfigurationError
        If it may be of none, or of several.
    """
    if ":" not in path:
        raise ConfigurationError(
            f'{path}: expected "module:Class", or --family beside the name of an installed plug-in'
        )
    here = in_folders(Path())(path, NamesFile(of_class=True), "plug-in")
    own = users_class("plug-in", here)
    found = [name for name, family in FAMILIES.items() if any(_has(own, family.methods))]
    if len(found) != 1:
        known = ", ".join(
            f"{' or '.join(' and '.join(sorted(methods)) for methods in family.methods)} ({name})"
            for name, family in FAMILIES.items()
        )
        raise ConfigurationError(
            f"{path}: expected a class with the methods of one family, {known}, got those of"
            f" {' and '.join(found) or 'none'}; add them, or use --family"
        )
    return found[0]


def _has(own: object, alternatives: Iterable[frozenset[str]]) -> Iterator[bool]:
    for methods in alternatives:
        yield all(callable(getattr(own, method, None)) for method in methods)


def contract_of(family: str, path: str, arguments: Mapping[str, Any]) -> Contract:
    """The contract of a member.

    Parameters
    ----------
    path
        ``"module:Class"``, or the name of one that a package has installed or brings itself.
    arguments
        Of the class.

    Raises
    ------
    ConfigurationError
        If its settings are refused.
    """
    members, contract, attribute, _, settled = FAMILIES[family]
    own = {"kind": "custom", "path": path, "arguments": dict(arguments)}
    member = one_of(members, own if ":" in path else {"kind": path, **arguments}, family)
    made: Contract = type("OwnContract", (contract,), {attribute: member, **settled})()
    return made
