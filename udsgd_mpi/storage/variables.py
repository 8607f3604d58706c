"""The result of a variant as labelled arrays, between HDF5 and those who compute with it."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Variable(NamedTuple):
    """An array and what its axes are.

    Attributes
    ----------
    dimensions
        Name of each axis. Where a variable has the name of its only axis, it labels that axis.
    """

    values: NDArray[Any]
    dimensions: tuple[str, ...]
    description: str
    units: str = "1"

    def take(self, dimension: str, where: NDArray[np.int64] | slice) -> "Variable":
        """A part along a dimension; the whole where it has no such dimension."""
        if dimension not in self.dimensions:
            return self
        axis = self.dimensions.index(dimension)
        part = self.values[(slice(None),) * axis + (where,)]
        return self._replace(values=part)


@dataclass(frozen=True)
class Run:
    """One variant's group of a result file."""

    attributes: dict[str, Any]
    variables: dict[str, Variable]

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self.variables[name].values

    def titled(self, title: str) -> "Run":
        """The same under another title."""
        return Run({**self.attributes, "title": title}, self.variables)

    def take(self, dimension: str, where: NDArray[np.int64] | slice) -> "Run":
        """A part of all variables along a dimension."""
        parts = {name: each.take(dimension, where) for name, each in self.variables.items()}
        return Run(self.attributes, parts)
