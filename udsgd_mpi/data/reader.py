"""Data that a user's own class reads."""

from typing import Annotated, Any

import numpy as np
from msgspec import Struct, field

from udsgd_mpi.data.datasets import Dataset
from udsgd_mpi.data.features import nonzeros, widened, worth_holding_sparsely
from udsgd_mpi.support.errors import ConfigurationError
from udsgd_mpi.support.file_names import names_file
from udsgd_mpi.support.plugin import made_once
from udsgd_mpi.support.users_code import UsersObject, users

_METHODS = ("read", "read_agent")


class CustomReader(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="custom"):
    """A class with ``read()`` for all points, or ``read_agent(agent)`` for those of each agent.

    Either gives features, an array of shape (points, features) or a matrix of scipy.sparse, and
    labels, shape (points,). ``read`` is called on rank 0, and the partition shares its points out;
    ``read_agent`` where the agent is hosted, and there alone.

    Parameters
    ----------
    path
        ``"module:Class"`` or ``"file.py:Class"``, see ``objectives.Custom``.
    arguments
        Keyword arguments of the class.
    """

    path: Annotated[str, names_file(of_class=True)]
    arguments: dict[str, Any] = field(default_factory=dict)

    @property
    def is_of_agents(self) -> bool:
        """Whether each agent's points are read where it is hosted."""
        own = self._own()
        there = [name for name in _METHODS if callable(getattr(own, name, None))]
        if len(there) != 1:
            raise ConfigurationError(
                f"{self.name}: expected a class with one of the methods read() and"
                f" read_agent(agent), got {' and '.join(there) or 'neither'}"
            )
        return there == ["read_agent"]

    def read(self) -> Dataset:
        """All points.

        Raises
        ------
        ConfigurationError
            If they are not features and labels of as many points.
        """
        found = users_dataset(self._own().read(), self.name)
        points, columns = found.features.shape
        sparse = worth_holding_sparsely(columns, points, nonzeros(found.features))
        return found._replace(features=widened(found.features, columns, sparse=sparse))

    def read_agent(self, agent: int) -> Dataset:
        """The points of an agent, likewise."""
        return users_dataset(self._own().read_agent(agent), self.name)

    @property
    def name(self) -> str:
        """What messages call it."""
        return f"data {self.path}"

    def _own(self) -> UsersObject:
        return made_once("data", self.path, (), self.arguments)


def users_dataset(given: Any, name: str) -> Dataset:
    """Features and labels as a user gives them, as arrays of double precision."""
    from scipy.sparse import csr_array, issparse

    if not isinstance(given, tuple) or len(given) != 2:
        raise ConfigurationError(
            f"{name}: expected a pair of features and labels, got {type(given).__name__}; return"
            " (features, labels)"
        )
    features, labels = (part if issparse(part) else users(name, np.asarray, part) for part in given)
    for what, part, axes in (("features", features, 2), ("labels", labels, 1)):
        if part.ndim != axes or part.dtype.kind not in "fiub" or issparse(labels):
            raise ConfigurationError(
                f"{name}: expected {what} that are numbers of shape"
                f" ({'points, features' if axes == 2 else 'points,'}), got {part.dtype} of shape"
                f" {part.shape}"
            )
    if features.shape[0] != len(labels) or len(labels) == 0:
        raise ConfigurationError(
            f"{name}: expected features and labels of as many points, and of one at least, got"
            f" {features.shape[0]} and {len(labels)}"
        )
    if issparse(features):
        features = csr_array(features, dtype=np.float64, copy=True)
        features.sum_duplicates()
    else:
        features = np.array(features, dtype=np.float64, order="C")
    return Dataset(features, np.array(labels, dtype=np.float64))
