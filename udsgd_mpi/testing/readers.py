"""What every class of a user's own that reads data has to keep."""

from typing import Any, ClassVar
from unittest import SkipTest

import numpy as np

from udsgd_mpi.data.datasets import Dataset
from udsgd_mpi.data.features import dense_rows
from udsgd_mpi.data.reader import CustomReader
from udsgd_mpi.support.plugin import forget
from udsgd_mpi.testing.contract import require, require_same
from udsgd_mpi.testing.runs import AGENTS, RunContract, as_settings


class ReaderContract(RunContract):
    """Finite numbers, the same whenever and wherever they are read.

    Attributes
    ----------
    reader
        The member.
    """

    reader: ClassVar[CustomReader]

    def settings(self) -> dict[str, Any]:
        return {
            "data": {"reader": as_settings(self.reader), "standardize": True},
            "objective": {"kind": "ridge", "l2": 0.1},
            # Small, as nothing is known of the features.
            "step_size": {"gamma": 0.01},
            "groups": {"all": {"sampler": {"kind": "iid"}}},
        }

    def test_a_run_has_the_error_that_is_predicted(self) -> None:
        raise SkipTest("a prediction says nothing of how points are read")

    def parts(self, order: range = range(AGENTS)) -> dict[int, Dataset]:
        """Points by agent, read in an order as if in a new process; all under 0 where one does."""
        forget()
        if not self.reader.is_of_agents:
            return {0: self.reader.read()}
        return {i: self.reader.read_agent(i) for i in order}

    def test_points_are_finite(self) -> None:
        for i, part in self.parts().items():
            rows = dense_rows(part.features, slice(None))
            finite = np.isfinite(rows).all(axis=1) & np.isfinite(part.labels)
            require(
                finite.all(),
                f"point {int(np.argmin(finite))} that agent {i} reads: expected finite numbers;"
                " fill in what is missing, or leave the point out",
            )

    def test_points_are_the_same_whenever_they_are_read(self) -> None:
        first, again = self.parts(), self.parts(range(AGENTS - 1, -1, -1))
        for i, part in first.items():
            other = again[i]
            what = f"that agent {i} reads, in another process and another order"
            remedy = "read what belongs to an agent by its number alone, and draw nothing"
            rows, others = (dense_rows(each.features, slice(None)) for each in (part, other))
            require_same(others, rows, f"feature {{}} {what}", remedy)
            require_same(other.labels, part.labels, f"label {{}} {what}", remedy)
