"""The experiments that ship with the package: the paper's, and some beyond it."""

import os
import tomllib
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias, get_args

from udsgd_mpi.experiment.check import expand, merge
from udsgd_mpi.experiment.package_folder import PackageFolder
from udsgd_mpi.experiment.read import variants
from udsgd_mpi.experiment.schema import Experiment
from udsgd_mpi.support.errors import ConfigurationError

Size: TypeAlias = Literal["full", "middle", "quick"]

_FOLDER = PackageFolder("experiments", "experiment")

names = _FOLDER.names


def name_of(source: str) -> str | None:
    """The name that stands for one of them; None where it is the path of a file, there or not.

    Raises
    ------
    ConfigurationError
        If it looks like a name, and is none of theirs.
    """
    if source.endswith(".toml") or "/" in source or os.path.lexists(source):
        return None
    _FOLDER.require(source, "; or the path of a TOML file")
    return source


class Shipped:
    """One of them.

    Attributes
    ----------
    title
        Its title.
    about
        The comment that it opens with: the claim, where the paper makes it, what one sees.
    claims
        Raw settings of its claims.

    Raises
    ------
    ConfigurationError
        If there is none of this name.
    """

    def __init__(self, name: str) -> None:
        text = _FOLDER.text(name)
        self._name = name
        self._raw: dict[str, Any] = tomllib.loads(text)
        self.title = str(self._raw["title"])
        comment = text.partition("\n\n")[0].splitlines()
        self.about = "\n".join(line.removeprefix("#").strip() for line in comment)
        self.claims: list[dict[str, Any]] = self._raw["claim"]

    @property
    def of_networks(self) -> bool:
        """Whether it trains networks, which needs PyTorch, and days without a GPU."""
        return bool(self._raw.get("objective", {}).get("kind") == "torch")

    def require_size(self, size: Size) -> None:
        """Refuse a size that it does not have.

        Raises
        ------
        ConfigurationError
            Says which it has.
        """
        sizes = [each for each in get_args(Size) if each == "full" or each in self._raw]
        if size not in sizes:
            raise ConfigurationError(
                f"{self._name}: expected one of the experiment's sizes, {', '.join(sizes)}, got"
                f" {size}"
            )

    def variants(self, flags: Mapping[str, Any], *, size: Size = "full") -> dict[str, Experiment]:
        """Its variants at a size, under settings of the command line.

        Raises
        ------
        ConfigurationError
            If it does not have this size, or a setting is wrong.
        """
        self.require_size(size)
        of_size = dict(self._raw.get(size, {}))
        raw = dict(self._raw)
        if "axis" in raw:
            of_values = of_size.pop("axis", {})
            raw["axis"] = {
                axis: _laid_over(values, of_values.get(axis, {}))
                for axis, values in raw["axis"].items()
            }
        else:
            raw["variant"] = _laid_over(raw["variant"], of_size.pop("variant", {}))
        return variants(raw, merge(expand(of_size), expand(flags)), _FOLDER.path)


def _laid_over(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Settings by name, those of a size laid over those with the same name."""
    return {
        name: merge(expand(overlay), expand(above.get(name, {}))) for name, overlay in below.items()
    }
