"""Which agent holds which rows of the data set."""

from typing import NamedTuple

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from udsgd_mpi.errors import ConfigurationError
from udsgd_mpi.seeding import Purpose, generator


class Shares(NamedTuple):
    """Rows of each agent, and how many rows nobody holds."""

    rows: list[NDArray[np.int64]]
    left_over: int


class Partition(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind"):
    """A way to share out rows; subclasses are listed in the registry."""

    def share(self, labels: NDArray[np.float64], agents: int, seed: int) -> Shares:
        """Rows of every agent; a pure function of its arguments.

        Raises
        ------
        ConfigurationError
            If an agent would be left without data.
        """
        raise NotImplementedError


class Even(Partition, frozen=True, tag="even"):
    """Disjoint shares of ⌊rows / N⌋ rows, after a shuffle; what remains is left over."""

    def share(self, labels: NDArray[np.float64], agents: int, seed: int) -> Shares:
        rows = len(labels)
        size = rows // agents
        if size == 0:
            raise ConfigurationError(
                f"partition: expected at least one row for each agent, got {rows} rows for"
                f" {agents} agents; use --agents {rows} or fewer, or a larger data set"
            )
        order = generator(seed, Purpose.PARTITION).permutation(rows)
        return Shares(list(order[: size * agents].reshape(agents, size)), rows - size * agents)


AnyPartition = Even
