"""W that a user's own class gives, looked at each time."""

from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from udsgd_mpi.communication.doubly_stochastic import check_doubly_stochastic
from udsgd_mpi.communication.forms.base import Floats, Form, Integers
from udsgd_mpi.communication.forms.weights import Weights
from udsgd_mpi.communication.intervals import AggregationTimes
from udsgd_mpi.graphs import Graph
from udsgd_mpi.kernels.random_numbers import Purpose, generator
from udsgd_mpi.support.errors import ConfigurationError, LocalError
from udsgd_mpi.support.one_line import shown
from udsgd_mpi.support.users_code import users

if TYPE_CHECKING:
    from scipy.sparse import csr_array


class OwnMatrices(Form):
    """``matrix(n, rng)`` of a user's object, within its ``support``.

    Every rank asks for all of W_n. The generator is keyed by the seed and the number of the
    aggregation, so that ranks agree without a message, and nothing is replayed.

    Parameters
    ----------
    own
        The object.
    name
        What it is called in messages.
    times
        When it is asked.
    """

    interpreted = True

    def __init__(
        self, own: Any, name: str, topology: Graph, times: AggregationTimes, seed: int
    ) -> None:
        self._own = own
        self._name = name
        self._times = times
        self._seed = seed
        self._agents = len(topology)
        self._support = self._asked_support(topology)
        self._number, self._known = 0, self._support

    @property
    def support(self) -> Weights:
        return self._support

    def at(self, number: int) -> Weights:
        if number != self._number:  # θ and each state that is mixed ask for the same
            self._known, self._number = self._drawn(number), number
        return self._known

    def second_moment(self, agents: int) -> None:
        return None

    def check(self) -> None:
        """Try the first two W.

        Raises
        ------
        ConfigurationError
            If one of them is no W, or the first is another when it is asked for again.
        """
        first, _, again = (self._drawn(number) for number in (1, 2, 1))
        same = [np.array_equal(*pair) for pair in zip(_arrays(first), _arrays(again), strict=True)]
        if not all(same):
            raise ConfigurationError(
                f"{self._name}: expected the same W at step {self._times.time(1)} whenever it is"
                " asked for, got two; take random numbers from rng alone, and keep nothing that"
                " changes from call to call"
            )

    def _drawn(self, number: int) -> Weights:
        n = self._times.time(number)
        name = f"{self._name}: W at step {n}"
        given = self._own.matrix(n, generator(self._seed, Purpose.MIXING, number))
        W = _compressed(given, name)
        try:
            check_doubly_stochastic(W, self._agents, name)
        except ConfigurationError as error:
            # Other ranks may have got another, and then wait for this one.
            raise LocalError(str(error)) from error
        found = _weights(W)
        self._check_within_support(found, name)
        return found

    def _asked_support(self, topology: Graph) -> Weights:
        from scipy.sparse import csr_array, eye_array

        n = self._agents
        asked = getattr(self._own, "support", "topology")
        if isinstance(asked, str) and asked not in ("topology", "all"):
            raise ConfigurationError(
                f'{self._name}: expected support = "topology", "all" or a matrix of {n} × {n}, got'
                f" {shown(asked)}"
            )
        if not isinstance(asked, str):
            pairs = _compressed(asked, f"{self._name}: support")
            if pairs.shape != (n, n):
                raise ConfigurationError(
                    f"{self._name}: expected a support of {n} × {n}, got {pairs.shape}"
                )
        elif asked == "all":
            pairs = csr_array(np.ones((n, n)))
        else:
            pairs = adjacency(topology)
        joined = csr_array(abs(pairs) + eye_array(n, format="csr"))
        joined.sort_indices()
        joined.data[:] = 1
        return _weights(joined)

    @cached_property
    def _places(self) -> Integers:
        """Those of the support, ascending."""
        return self._support.rows * self._agents + self._support.columns

    def _check_within_support(self, W: Weights, name: str) -> None:
        places = W.rows * self._agents + W.columns
        there = np.minimum(np.searchsorted(self._places, places), len(self._places) - 1)
        for k in np.flatnonzero(self._places[there] != places)[:1]:
            i, j = divmod(int(places[k]), self._agents)
            raise LocalError(
                f"{name}: expected 0 outside the support, got {W.values[k]:g} between agents {i}"
                f' and {j}; use a topology with that edge, or support = "all" in the class'
            )


def adjacency(topology: Graph) -> "csr_array":
    """1 for neighbours, shape (N, N)."""
    from scipy.sparse import csr_array

    n, ones = len(topology), np.ones(len(topology.neighbours))
    return csr_array((ones, topology.neighbours, topology.offsets), shape=(n, n))


def _compressed(given: Any, name: str) -> "csr_array":
    """A matrix in compressed rows, each place once and none with 0."""
    from scipy.sparse import csr_array, issparse

    array = given if issparse(given) else users(name, np.asarray, given)
    if array.ndim != 2 or array.dtype.kind not in "fiub":
        raise LocalError(
            f"{name}: expected a matrix of numbers, dense or of scipy.sparse, got"
            f" {type(given).__name__} of {array.dtype}{list(array.shape)}"
        )
    matrix = csr_array(array, dtype=np.float64, copy=True)
    matrix.sum_duplicates()
    matrix.eliminate_zeros()
    return matrix


def _weights(matrix: "csr_array") -> Weights:
    return Weights(matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32), matrix.data)


def _arrays(W: Weights) -> tuple[Integers, Any, Floats]:
    return W.offsets, W.columns, W.values
