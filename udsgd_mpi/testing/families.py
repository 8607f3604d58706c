"""The families of which a user can bring a member, and the contract of each."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from udsgd_mpi.communication import AnyPattern
from udsgd_mpi.experiment.check import one_of
from udsgd_mpi.objectives import AnyObjective
from udsgd_mpi.samplers import AnySampler
from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.support.file_names import NamesFile, in_folders
from udsgd_mpi.support.plugin import users_class
from udsgd_mpi.testing.contract import Contract
from udsgd_mpi.testing.objectives import ObjectiveContract
from udsgd_mpi.testing.patterns import PatternContract
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
        Those by which a user's class is known.
    """

    members: Any
    contract: type[Contract]
    attribute: str
    methods: frozenset[str]


FAMILIES = {
    "sampler": Family(AnySampler, SamplerContract, "sampler", frozenset({"draw"})),
    "communication": Family(AnyPattern, PatternContract, "pattern", frozenset({"matrix"})),
    "objective": Family(
        AnyObjective, ObjectiveContract, "objective", frozenset({"value", "gradient"})
    ),
}
"""By the key under which a member stands in experiment files."""


def family_of(path: str) -> str:
    """The family that a class must be of, by its methods.

    Raises
    ------
    ConfigurationError
        If it may be of none, or of several.
    """
    here = in_folders(Path())(path, NamesFile(of_class=True), "plug-in")
    own = users_class("plug-in", here)
    found = [
        name
        for name, family in FAMILIES.items()
        if all(callable(getattr(own, method, None)) for method in family.methods)
    ]
    if len(found) != 1:
        known = ", ".join(
            f"{' and '.join(sorted(family.methods))} ({name})" for name, family in FAMILIES.items()
        )
        raise ConfigurationError(
            f"{path}: expected a class with the methods of one family, {known}, got those of"
            f" {' and '.join(found) or 'none'}; add them, or use --family"
        )
    return found[0]


def contract_of(family: str, path: str, arguments: Mapping[str, Any]) -> Contract:
    """The contract of a user's own member.

    Raises
    ------
    ConfigurationError
        If its settings are refused.
    """
    _, contract, attribute, _ = FAMILIES[family]
    settings = {"kind": "custom", "path": path, "arguments": dict(arguments)}
    member = one_of(FAMILIES[family].members, settings, family)
    own: Contract = type("OwnContract", (contract,), {attribute: member})()
    return own
