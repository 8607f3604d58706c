"""What every partition has to keep."""

from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.data.partition import Partition, Shares
from udsgd_mpi.testing.contract import ContractError, require
from udsgd_mpi.testing.runs import RunContract, as_settings

LABELS: NDArray[np.float64] = np.repeat([0.0, 1.0, 2.0], [50, 30, 23])
FEATURES: NDArray[np.float64] = np.random.default_rng(9).normal(size=(len(LABELS), 3))


class PartitionContract(RunContract):
    """Rows for every agent, each once or left over, by the seed alone.

    Attributes
    ----------
    partition
        The member.
    agents
        How many share 103 rows of three classes.
    disjoint
        Whether no two agents may hold the same row.
    """

    partition: ClassVar[Partition]
    agents: ClassVar[int] = 7
    disjoint: ClassVar[bool] = True

    def settings(self) -> dict[str, Any]:
        return {"partition": as_settings(self.partition)}

    def share(self, seed: int) -> Shares:
        """Rows of all agents."""
        return self.partition.share_points(FEATURES, LABELS, self.agents, seed)

    def test_every_row_is_held_once_or_left_over(self) -> None:
        rows, left_over = self.share(1)
        require(
            len(rows) == self.agents,
            f"shares: expected {self.agents}, one for each agent, got {len(rows)}",
        )
        for i, part in enumerate(rows):
            require(len(part), f"rows of agent {i}: expected at least one, got none")
            inside = (part >= 0) & (part < len(LABELS))
            require(
                inside.all(),
                f"rows of agent {i}: expected numbers from 0 to {len(LABELS) - 1}, got"
                f" {part[~inside][:1]}",
            )
        held, times = np.unique(np.concatenate(rows), return_counts=True)
        if self.disjoint and (times > 1).any():
            row = held[np.argmax(times)]
            raise ContractError(
                f"row {row}: expected one agent that holds it, got {times.max()}; make shares"
                " disjoint, or set disjoint = False"
            )
        require(
            len(held) + left_over == len(LABELS),
            f"rows left over: expected {len(LABELS) - len(held)}, got {left_over}",
        )

    def test_the_same_seed_gives_the_same_rows(self) -> None:
        rows, again = (self.share(1).rows for _ in range(2))
        for i, (one, other) in enumerate(zip(rows, again, strict=True)):
            require(
                np.array_equal(one, other),
                f"rows of agent {i}: expected the same from the same seed, got others; draw from"
                " the generator that is handed in",
            )
