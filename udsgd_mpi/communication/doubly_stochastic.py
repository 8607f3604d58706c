"""Whether a matrix that a user brings may be W: doubly stochastic (Assumption 2.5)."""

from typing import TYPE_CHECKING

import numpy as np

from udsgd_mpi.support.errors import ConfigurationError

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_TOLERANCE = 1e-9  # of the sum of a row or a column


def check_doubly_stochastic(W: "csr_array", agents: int, name: str) -> None:
    """Refuse a W that is not N × N, has a weight below 0, or rows or columns that do not sum to 1.

    Parameters
    ----------
    W
        In compressed rows, each place once.
    name
        What it is called in the message.

    Raises
    ------
    ConfigurationError
        Names the agents.
    """
    if W.shape != (agents, agents):
        raise ConfigurationError(f"{name}: expected {agents} × {agents} numbers, got {W.shape}")
    rows = np.repeat(np.arange(agents), np.diff(W.indptr))
    for k in np.flatnonzero(~(W.data >= 0))[:1]:  # NaN is neither
        raise ConfigurationError(
            f"{name}: expected weights ≥ 0, got {W.data[k]:g} in row {rows[k]}, column"
            f" {W.indices[k]}"
        )
    for places, what in ((rows, "row"), (W.indices, "column")):
        sums = np.bincount(places, W.data, agents)
        for i in np.flatnonzero(~(abs(sums - 1) <= _TOLERANCE))[:1]:
            raise ConfigurationError(
                f"{name}: expected a doubly stochastic W, got {sums[i]:.12g} as the sum of {what}"
                f" {i} (agent {i})"
            )
