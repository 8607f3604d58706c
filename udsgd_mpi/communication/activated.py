"""The W of a pattern between the agents that are there."""

import numpy as np
from numpy.typing import NDArray

from udsgd_mpi.communication.activation import Presence
from udsgd_mpi.communication.base import Flags, Integers, Schedule
from udsgd_mpi.communication.forms.average import Average
from udsgd_mpi.communication.forms.present import present_only


class Activated(Schedule):
    """A schedule restricted to the agents that are there, in steps and in exchanges.

    Parameters
    ----------
    whole
        The schedule, were all there.
    presence
        Who is there.
    pattern
        Whose schedule it is, in messages.

    Raises
    ------
    ConfigurationError
        If a W of the schedule cannot be restricted.
    """

    def __init__(self, whole: Schedule, presence: Presence, pattern: str) -> None:
        self.forms = [present_only(form, self._there, pattern) for form in whole.forms]
        self._whole = whole
        self._presence = presence

    def count(self, n: int) -> int:
        return self._whole.count(n)

    def times(self, n: int, m: int) -> Integers:
        return self._whole.times(n, m)

    def time(self, number: int) -> int:
        return self._whole.time(number)

    def which(self, n: int) -> int:
        return self._whole.which(n)

    def order(self, n: int, m: int) -> Integers:
        return self._whole.order(n, m)

    def uses(self, n: int, m: int) -> Integers:
        return self._whole.uses(n, m)

    def shares(self) -> NDArray[np.float64]:
        return self._whole.shares()

    def active(self, n: int, m: int, agents: Integers | None = None) -> Flags:
        there, whole = self._presence.between(n, m, agents), self._whole.active(n, m, agents)
        return there if whole is None else there & whole

    def availability(self, last: int) -> NDArray[np.float64]:
        there, whole = self._presence.shares(last), self._whole.availability(last)
        return there if whole is None else there * whole

    def fluctuations(self) -> NDArray[np.float64] | None:
        """Those of a_n, or of a_n b_n with clocks of the pattern's own, b_n.

        As b_n are independent, that is q² σ_a² + p² σ_b² + p(1 − p) q(1 − q), with p and q the
        means of a_n and b_n.
        """
        of_presence, of_clocks = self._presence.fluctuations(), self._whole.fluctuations()
        q = self._whole.availability(1)
        if of_presence is None or of_clocks is None or q is None:
            return of_presence
        p = self._presence.shares(1)
        both = p * (1 - p) * q * (1 - q)
        return np.asarray(q**2 * of_presence + p**2 * of_clocks + both)

    def contracts(self, agents: int) -> bool:
        """Whether all would come together, and those that never meet do so through others."""
        return self._whole.contracts(agents) and not self.parts().any()

    def parts(self) -> Integers:
        """The part that each agent is in, shape (agents,): nobody is there with one of another."""
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        agents = self._presence.agents
        supports = self._whole.supports
        averages = any(isinstance(form, Average) for form in self._whole.forms)
        i = np.concatenate([np.empty(0, dtype=np.int64), *(W.rows for W in supports)])
        j = np.concatenate([np.empty(0, dtype=np.int64), *(W.columns for W in supports)])
        met = np.zeros(len(i), dtype=np.bool_)
        joined: list[Integers] = [np.stack([i[:0], i[:0]])]
        for there in self._presence.meetings():
            met |= there[i] & there[j]
            if averages:
                some = np.flatnonzero(there)
                joined.append(np.stack([some[:-1], some[1:]]))
        joined.append(np.stack([i[met], j[met]]))
        a, b = np.concatenate(joined, axis=1)
        graph = coo_array((np.ones(len(a)), (a, b)), shape=(agents, agents))
        return np.asarray(connected_components(graph, directed=False)[1], dtype=np.int64)

    def _there(self, number: int) -> Flags:
        n = self._whole.time(number)
        return np.asarray(self._presence.between(n - 1, n)[0])
