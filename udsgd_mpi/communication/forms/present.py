"""What is left of W between the agents that are there."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.communication.forms.average import Average, messages_of_tree
from udsgd_mpi.communication.forms.base import Form, Integers
from udsgd_mpi.communication.forms.links import OnLinks
from udsgd_mpi.communication.forms.own import OwnMatrices
from udsgd_mpi.communication.forms.partial_average import PartialAverage
from udsgd_mpi.communication.forms.weights import Weights
from udsgd_mpi.support.errors import ConfigurationError, LocalError

Flags = NDArray[np.bool_]
AtAggregation = Callable[[int], Flags]  # takes its number, and gives who is there, shape (agents,)

_ROUNDING = 1e-12
_NONE = np.zeros(1, dtype=np.int64)


class PresentWeights(Form):
    """w'_ij = a_i a_j w_ij for i ≠ j, with a_i = 1 where agent i is there; the rest is w'_ii.

    What an agent does not exchange it keeps, so that rows sum to 1; columns do for a symmetric W.

    Parameters
    ----------
    form
        Of W.
    there
        Who is there.
    """

    interpreted = True

    def __init__(self, form: OnLinks | OwnMatrices | Weights, there: AtAggregation) -> None:
        self._form = form
        self._there = there
        self._number, self._known = 0, form.support
        self._among: Flags = np.empty(0, dtype=np.bool_)

    @property
    def support(self) -> Weights:
        return self._form.support

    def at(self, number: int) -> Weights:
        if number != self._number:  # θ and each state that is mixed ask for the same
            W = self._form.at(number)
            if isinstance(self._form, OwnMatrices) and (gap := asymmetry(W)) > _ROUNDING:
                raise LocalError(_asymmetric(gap, f"at aggregation {number:,}"))
            there = self._there(number)
            if W is not self._form or not np.array_equal(there, self._among):
                self._known, self._among = between(W, there), there
            self._number = number
        return self._known

    def second_moment(self, agents: int) -> None:
        return None


class PresentAverage(Form):
    """The average of those that are there, who all move to it; the others keep what they have.

    Parameters
    ----------
    there
        Who is there.
    """

    interpreted = True

    def __init__(self, there: AtAggregation) -> None:
        self._there = there

    def at(self, number: int) -> PartialAverage:
        members = np.flatnonzero(self._there(number))
        if len(members) == 0:
            members = _NONE  # agent 0 alone, whose average it is: W = I
        return PartialAverage(members, members)

    def second_moment(self, agents: int) -> None:
        return None

    def sent(self, agents: int, begin: int, end: int) -> int:
        there = (int(self._there(k).sum()) for k in range(begin + 1, end + 1))
        return sum(messages_of_tree(max(1, some)) for some in there)


def present_only(form: Form, there: AtAggregation, pattern: str) -> Form:
    """A form restricted to those that are there.

    Parameters
    ----------
    pattern
        Whose form it is, in messages.

    Raises
    ------
    ConfigurationError
        If its W is neither symmetric weights nor the average of all.
    """
    if isinstance(form, Average):
        return PresentAverage(there)
    if not isinstance(form, OnLinks | OwnMatrices | Weights):
        raise ConfigurationError(
            f"activation: expected a communication of weights, or of averages over all, got"
            f" {pattern}, which draws who takes part, also of those that are away; use lsgd_fp,"
            " whose averages are then over those that are there"
        )
    if (gap := asymmetry(form.at(1))) > _ROUNDING:
        raise ConfigurationError(_asymmetric(gap, f"of {pattern}"))
    return PresentWeights(form, there)


def between(W: Weights, there: Flags) -> Weights:
    """A symmetric W restricted to those that are there; the same bits where all are."""
    n = len(W)
    W = _with_diagonal(W)
    rows, columns = W.rows, W.columns.astype(np.int64)
    own = rows == columns
    kept = own | (there[rows] & there[columns])
    values = W.values.copy()
    given_back = np.bincount(rows[~kept], values[~kept], n)
    values[own] = np.where(there, values[own] + given_back, 1.0)
    kept &= values > 0  # 0 times what is not finite would be NaN
    offsets = np.concatenate([[0], np.cumsum(kept)])[W.offsets]
    return Weights(offsets.astype(np.int64), W.columns[kept], values[kept])


def _with_diagonal(W: Weights) -> Weights:
    n, rows, columns = len(W), W.rows, W.columns.astype(np.int64)
    if np.count_nonzero(rows == columns) == n:
        return W
    every: Integers = np.arange(n)
    entries = np.append(rows, every), np.append(columns, every), np.append(W.values, np.zeros(n))
    return Weights.from_entries(n, *entries)


def asymmetry(W: Weights) -> float:
    """The largest |w_ij − w_ji|."""
    matrix = W.sparse(len(W))
    return float(abs(matrix - matrix.T).max())


def _asymmetric(gap: float, which: str) -> str:
    return (
        f"activation: expected symmetric W, got one {which} with w_ij and w_ji that differ by"
        f" {gap:.2g}: between those that are there it would not stay doubly stochastic; use"
        ' symmetric weights, such as weights = "metropolis" of dsgd on an undirected topology, or'
        ' leave out activation, also beside method = "push_sum"'
    )
