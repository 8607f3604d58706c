"""How fast a pattern brings the agents together."""

from typing import TYPE_CHECKING

import numpy as np

from udsgd_mpi.communication.base import Schedule
from udsgd_mpi.communication.mixing import Average, Mixing, PartialAverage

if TYPE_CHECKING:
    from scipy.sparse import csr_array

_SAMPLE = 100
_DENSE_AGENTS = 500


def contraction(schedule: Schedule, agents: int) -> float:
    """‖E[WᵀW] − J‖^½, the mean factor by which an aggregation shrinks disagreement.

    It has to be below 1 (Assumption 2.5). The expectation is exact where one matrix is used, and
    otherwise the mean over the first 100 aggregations.
    """
    from scipy.sparse import csr_array

    count = 1 if len(schedule.planned) == 1 else _SAMPLE
    steps = count
    while len(schedule.times(steps)) < count:
        steps *= 2
    sample = [schedule.mixing(int(n)) for n in schedule.times(steps)[:count]]
    second = csr_array((agents, agents))
    for W in (_sparse(mixing, agents) for mixing in sample if not isinstance(mixing, Average)):
        second = second + (W.T @ W) / count
    # Each Average adds J, which is what is taken away in the end.
    averages = sum(isinstance(mixing, Average) for mixing in sample) / count
    return float(np.sqrt(max(0.0, _norm_off_the_mean(second, 1 - averages))))


def _norm_off_the_mean(matrix: "csr_array", share: float) -> float:
    """Largest eigenvalue of ``matrix`` − share · J."""
    n = matrix.shape[0]
    if n <= _DENSE_AGENTS:
        return float(np.linalg.eigvalsh(matrix.toarray() - share / n)[-1])
    from scipy.sparse.linalg import LinearOperator, eigsh

    centred = LinearOperator(
        (n, n), matvec=lambda v: matrix @ v - share * v.mean(), dtype=np.float64
    )
    start = np.cos(np.arange(n))  # fixed, so that the same bits come back
    return float(eigsh(centred, k=1, which="LA", v0=start, return_eigenvectors=False)[0])


def _sparse(mixing: Mixing, agents: int) -> "csr_array":
    from scipy.sparse import csr_array

    if isinstance(mixing, PartialAverage):
        return csr_array(mixing.matrix(agents))
    return mixing.sparse() if not isinstance(mixing, Average) else csr_array((agents, agents))
