"""How fast a pattern brings the agents to consensus."""

from itertools import islice
from typing import NamedTuple

import numpy as np

from udsgd_mpi.communication.base import Schedule
from udsgd_mpi.communication.forms.base import Mixing
from udsgd_mpi.communication.intervals import LAST_STEP
from udsgd_mpi.communication.second_moment import largest

_ROUNDING = 1e-12
_MOST_DRAWS, _FEWEST_DRAWS, _ENTRIES = 1000, 40, 4_000_000
_DENSE_AGENTS, _BLOCKS, _NOTHING = 500, 10, 1e-300


class Contraction(NamedTuple):
    """The mean factor by which an aggregation shrinks disagreement.

    Attributes
    ----------
    factor
        It has to be below 1 (Assumption 2.5).
    error
        Its standard error; 0 where it is exact.
    formula
        Of the factor.
    """

    factor: float
    error: float = 0.0
    formula: str = "‖E[WᵀW] − J‖^½"

    @property
    def vanishes(self) -> bool:
        """Whether mixing never leads to consensus."""
        return self.factor > 1 - _ROUNDING

    @property
    def gap(self) -> str:
        """The spectral gap, 1 − factor, as it is printed."""
        if self.error == 0:
            return f"{max(0.0, 1 - self.factor):.4g}"
        digits = max(0, 1 - int(np.floor(np.log10(self.error))))
        return f"{1 - self.factor:.{digits}f} ± {self.error:.{digits}f}"


def contraction(schedule: Schedule, agents: int) -> Contraction:
    """‖E[WᵀW] − J‖^½; estimated where the pattern has no closed form for E[WᵀW].

    Where rows of W do not sum to 1, the factor in the long run: ‖W_l ⋯ W_1 (I − J)‖^(1/l).
    """
    if not schedule.doubly_stochastic:
        return in_the_long_run(schedule, agents)
    moment = schedule.second_moment(agents)
    if moment is not None:
        return Contraction(float(np.sqrt(moment.norm())))
    return estimated(schedule, agents)


def in_the_long_run(schedule: Schedule, agents: int) -> Contraction:
    """|λ₂| of a W that is always the same; else by how much vectors of mean 0 shrink, estimated."""
    form, *others = schedule.forms
    if not others and isinstance(form, Mixing) and agents <= _DENSE_AGENTS:
        moduli = np.sort(abs(np.linalg.eigvals(form.matrix(agents))))
        return Contraction(float(moduli[-2]), formula="|λ₂(W)|")
    v = np.cos(np.arange(agents))
    lengths = []
    for n in schedule.first(2 * _MOST_DRAWS, LAST_STEP).tolist():
        v = schedule.mixing(n).sparse(agents) @ (v - v.mean())
        lengths.append(max(float(np.linalg.norm(v)), _NOTHING))
        v /= lengths[-1]
    late = np.log(lengths[len(lengths) // 2 :])  # after the start has been forgotten
    blocks = np.array([block.mean() for block in np.array_split(late, _BLOCKS)])
    factor = float(np.exp(blocks.mean()))
    error = factor * float(blocks.std(ddof=1)) / _BLOCKS**0.5
    return Contraction(factor, error if error > _ROUNDING else 0.0, "‖W_l ⋯ W_1 (I − J)‖^(1/l)")


def estimated(schedule: Schedule, agents: int, most: int = _MOST_DRAWS) -> Contraction:
    """The same from draws of W, unbiased except for the choice of a direction.

    The mean of WᵀW over one half of the draws gives the direction v that shrinks least. The mean
    of ‖Wv‖² over the other half is then an unbiased estimate of vᵀE[WᵀW]v.

    Parameters
    ----------
    most
        Number of draws, at most.
    """
    from scipy.sparse import csr_array

    if agents == 1:
        return Contraction(0.0)
    entries = max([agents, *(len(W.values) for W in schedule.supports)])
    half = max(_FEWEST_DRAWS, min(most, _ENTRIES // entries)) // 2
    drawn = (
        schedule.mixing(n).sparse(agents) for n in schedule.first(2 * half, LAST_STEP).tolist()
    )
    second = csr_array((agents, agents))
    for W in islice(drawn, half):
        second = second + W.T @ W
    _, v = largest(lambda u: np.asarray(second @ u) / half, agents)
    squares = np.array([np.sum((W @ v) ** 2) for W in drawn])
    factor = float(np.sqrt(squares.mean()))
    error = float(squares.std(ddof=1) / np.sqrt(half))
    return Contraction(factor, error / (2 * factor) if error > _ROUNDING else 0.0)
